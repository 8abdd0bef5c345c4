-- Nobody's data: the keys that tokens are signed with, the same for every instance. The private part is sealed under the key of
-- the service. A key stands here before it signs and until the last token it signed has ended.
CREATE TABLE public.srv_signing_keys (
  kid text PRIMARY KEY CHECK (length(kid) BETWEEN 1 AND 64),
  public_key jsonb NOT NULL,
  sealed_private_key bytea NOT NULL,
  signs_from timestamptz NOT NULL,
  signs_until timestamptz NOT NULL CHECK (signs_until > signs_from)
);

-- One row for each device somebody is signed in on.
CREATE TABLE public.srv_sessions (
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  session_id uuid NOT NULL,
  device_id text NOT NULL CHECK (length(device_id) BETWEEN 1 AND 64),
  created_at timestamptz NOT NULL,
  refreshed_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  absolute_until timestamptz NOT NULL,
  -- A restore begins a new epoch, and no session of an older one is taken: it might be one that was ended since.
  epoch bigint NOT NULL,
  ended_at timestamptz,
  ended_because text CHECK (ended_because IN ('signed_out', 'replaced', 'reuse', 'password_changed', 'recovered')),
  PRIMARY KEY (user_id, session_id),
  CHECK ((ended_at IS NULL) = (ended_because IS NULL))
);

-- Every refresh token a session has had, as its hash; the one that was not used is the present one.
CREATE TABLE public.srv_refresh_tokens (
  user_id uuid NOT NULL,
  token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
  session_id uuid NOT NULL,
  issued_at timestamptz NOT NULL,
  used_at timestamptz,
  successor_hash bytea CHECK (octet_length(successor_hash) = 32),
  PRIMARY KEY (user_id, token_hash),
  FOREIGN KEY (user_id, session_id) REFERENCES public.srv_sessions (user_id, session_id) ON DELETE CASCADE
);
CREATE INDEX idx_refresh_tokens_session ON public.srv_refresh_tokens (user_id, session_id);

ALTER TABLE public.srv_signing_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_signing_keys FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_sessions FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_refresh_tokens FORCE ROW LEVEL SECURITY;

CREATE POLICY nobodys_data ON public.srv_signing_keys TO medtime_accounts USING (true) WITH CHECK (true);
CREATE POLICY users_own_data ON public.srv_sessions TO medtime_accounts
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY users_own_data ON public.srv_refresh_tokens TO medtime_accounts
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY accounts_read ON public.srv_sync_epoch FOR SELECT TO medtime_accounts USING (true);
-- For the function below, which runs as the owner.
CREATE POLICY owner_answers ON public.srv_sessions FOR SELECT TO CURRENT_USER USING (user_id = (SELECT auth.uid()));

-- The one thing the API may know of sessions: whether one is still going on. It reads none of the tables.
CREATE FUNCTION public.srv_session_lives(p_user uuid, p_session uuid, p_now timestamptz) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = ''
AS $lives$
DECLARE
  setting text := set_config('request.jwt.claims', '{"sub":"' || p_user || '"}', true);
BEGIN
  RETURN EXISTS (
    SELECT FROM public.srv_sessions AS s
    WHERE s.user_id = p_user AND s.session_id = p_session AND s.ended_at IS NULL AND s.absolute_until > p_now
      AND s.epoch = (SELECT e.epoch FROM public.srv_sync_epoch AS e)
  );
END
$lives$;

DO $web$
DECLARE
  web text;
BEGIN
  FOR web IN SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
    EXECUTE format('REVOKE ALL ON public.srv_signing_keys, public.srv_sessions, public.srv_refresh_tokens FROM %I', web);
    EXECUTE format('REVOKE ALL ON FUNCTION public.srv_session_lives FROM %I', web);
  END LOOP;
END
$web$;

REVOKE ALL ON FUNCTION public.srv_session_lives FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_session_lives TO medtime_api;
GRANT SELECT, INSERT (kid, public_key, sealed_private_key, signs_from, signs_until), DELETE
  ON public.srv_signing_keys TO medtime_accounts;
GRANT SELECT,
  INSERT (user_id, session_id, device_id, created_at, refreshed_at, expires_at, absolute_until, epoch),
  UPDATE (refreshed_at, expires_at, ended_at, ended_because), DELETE
  ON public.srv_sessions TO medtime_accounts;
GRANT SELECT, INSERT (user_id, token_hash, session_id, issued_at), UPDATE (used_at, successor_hash)
  ON public.srv_refresh_tokens TO medtime_accounts;
GRANT SELECT ON public.srv_sync_epoch TO medtime_accounts;
