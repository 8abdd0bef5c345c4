-- When the person of a session last showed who they are. A provider that lets people in without asking again says so; null, for a session of
-- the release before, is its beginning.
ALTER TABLE public.srv_sessions ADD COLUMN authenticated_at timestamptz;
GRANT INSERT (authenticated_at) ON public.srv_sessions TO medtime_accounts;
