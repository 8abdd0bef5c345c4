DROP FUNCTION public.srv_page;
