-- Instances of the API hear at once that a session ended, however it did: its streams are cut, and its access token is remembered no
-- more. What is told is a hash of the session's random id, which leads to nobody without the table. Sessions end rarely: that a commit
-- with a notification waits for others of its kind costs nothing here.
CREATE FUNCTION public.srv_tell_session_end() RETURNS trigger
  LANGUAGE plpgsql SET search_path = ''
AS $tell$
BEGIN
  PERFORM pg_notify('srv_session_ended',
    encode(substring(sha256(convert_to(old.session_id::text, 'UTF8')) FROM 1 FOR 16), 'hex'));
  RETURN NULL;
END
$tell$;

REVOKE ALL ON FUNCTION public.srv_tell_session_end() FROM PUBLIC;

CREATE TRIGGER srv_sessions_tell_end AFTER UPDATE OF ended_at ON public.srv_sessions
  FOR EACH ROW WHEN (old.ended_at IS NULL AND new.ended_at IS NOT NULL) EXECUTE FUNCTION public.srv_tell_session_end();
-- When an account is erased its sessions go with it.
CREATE TRIGGER srv_sessions_tell_removal AFTER DELETE ON public.srv_sessions
  FOR EACH ROW WHEN (old.ended_at IS NULL) EXECUTE FUNCTION public.srv_tell_session_end();

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_tell_session_end FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
