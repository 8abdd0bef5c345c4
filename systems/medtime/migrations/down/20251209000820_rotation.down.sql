DROP FUNCTION public.srv_rotate;
DROP TABLE public.srv_rotation_entities, public.srv_rotations;
