DROP FUNCTION public.srv_give_back;
DROP TABLE public.srv_limit_key, public.srv_rate_windows;
