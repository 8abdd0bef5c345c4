DROP FUNCTION public.srv_give_back, public.srv_take;
DROP TABLE public.srv_limit_key, public.srv_rate_windows;
