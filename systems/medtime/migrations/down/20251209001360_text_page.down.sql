DROP FUNCTION public.srv_text_page;
