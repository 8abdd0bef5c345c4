-- When each job of the service was last done. Nobody's data.
CREATE TABLE public.srv_jobs (
  name text PRIMARY KEY CHECK (name ~ '^[a-z]+(-[a-z]+)*$' AND length(name) <= 64),
  done_at timestamptz NOT NULL
);
ALTER TABLE public.srv_jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY nobodys_data ON public.srv_jobs TO medtime_api USING (true) WITH CHECK (true);
GRANT SELECT, INSERT (name, done_at), UPDATE (done_at) ON public.srv_jobs TO medtime_api;

-- The cleaning below is nobody's request. It runs as the owner of the tables, whom row security lets see and remove what is over, by
-- the clock of the database, and no other row: whatever time a caller names, nothing goes before a day has passed.
CREATE POLICY cleaning_sees ON public.srv_sessions FOR SELECT TO CURRENT_USER
  USING (absolute_until < now() - interval '1 day');
CREATE POLICY cleaning_removes ON public.srv_sessions FOR DELETE TO CURRENT_USER
  USING (absolute_until < now() - interval '1 day');
CREATE POLICY cleaning_sees ON public.srv_sign_in_tickets FOR SELECT TO CURRENT_USER
  USING (expires_at < now() - interval '1 day');
CREATE POLICY cleaning_removes ON public.srv_sign_in_tickets FOR DELETE TO CURRENT_USER
  USING (expires_at < now() - interval '1 day');
CREATE POLICY cleaning_sees ON public.srv_sign_in_attempts FOR SELECT TO CURRENT_USER
  USING (expires_at < now() - interval '1 day');
CREATE POLICY cleaning_removes ON public.srv_sign_in_attempts FOR DELETE TO CURRENT_USER
  USING (expires_at < now() - interval '1 day');
CREATE POLICY cleaning_sees ON public.srv_family_invites FOR SELECT TO CURRENT_USER
  USING (expires_at < now() - interval '1 day');
CREATE POLICY cleaning_removes ON public.srv_family_invites FOR DELETE TO CURRENT_USER
  USING (expires_at < now() - interval '1 day');

-- Sessions that can never be refreshed again, with all their tokens, and sign-ins that were never finished.
CREATE FUNCTION public.srv_clean_sessions(p_now timestamptz) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = ''
AS $clean$
DECLARE
  removed bigint;
  more bigint;
BEGIN
  DELETE FROM public.srv_sessions WHERE absolute_until < p_now - interval '1 day';
  GET DIAGNOSTICS removed = ROW_COUNT;
  DELETE FROM public.srv_sign_in_tickets WHERE expires_at < p_now - interval '1 day';
  GET DIAGNOSTICS more = ROW_COUNT;
  removed := removed + more;
  DELETE FROM public.srv_sign_in_attempts WHERE expires_at < p_now - interval '1 day';
  GET DIAGNOSTICS more = ROW_COUNT;
  RETURN removed + more;
END
$clean$;

-- Invites that nobody took.
CREATE FUNCTION public.srv_clean_invites(p_now timestamptz) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = ''
AS $clean$
DECLARE
  removed bigint;
BEGIN
  DELETE FROM public.srv_family_invites WHERE expires_at < p_now - interval '1 day';
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$clean$;

REVOKE ALL ON FUNCTION public.srv_clean_sessions, public.srv_clean_invites FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_clean_sessions, public.srv_clean_invites TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON public.srv_jobs FROM %I', web);
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_clean_sessions, public.srv_clean_invites FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
