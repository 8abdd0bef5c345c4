ALTER TABLE public.srv_sessions DROP COLUMN authenticated_at;
