-- The role stays: it belongs to the server, other databases may use it.
DROP TABLE public.srv_family_links;
DROP TABLE public.srv_user_preferences;
DROP TABLE public.srv_users;
DROP FUNCTION public.srv_touch_updated_at();
REVOKE USAGE ON SCHEMA public FROM medtime_api;
