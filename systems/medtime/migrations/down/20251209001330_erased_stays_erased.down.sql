DROP TRIGGER srv_users_stay_erased ON public.srv_users;
DROP FUNCTION public.srv_stay_erased;
