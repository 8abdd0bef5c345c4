DROP FUNCTION public.srv_clean_app_crashes, public.srv_keep_app_crash;
DROP TABLE public.srv_app_crashes;
