DROP FUNCTION public.srv_session_lives(uuid, uuid, timestamptz);
DROP TABLE public.srv_refresh_tokens;
DROP TABLE public.srv_sessions;
DROP TABLE public.srv_signing_keys;
DROP POLICY accounts_read ON public.srv_sync_epoch;
REVOKE SELECT ON public.srv_sync_epoch FROM medtime_accounts;
