DROP FUNCTION public.srv_write_together;
