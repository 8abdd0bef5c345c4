DROP FUNCTION public.srv_clean_rotations;
DROP POLICY housekeeping_reads ON public.srv_rotations;
DROP POLICY housekeeping_reads ON public.srv_rotation_entities;
DROP POLICY housekeeping_deletes ON public.srv_rotation_entities;
