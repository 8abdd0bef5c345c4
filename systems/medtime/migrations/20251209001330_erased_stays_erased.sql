-- A device that is still at work when its user is erased holds a token for up to an hour. Its next push would make the user anew; who waits
-- in srv_erasures is not made.
CREATE FUNCTION public.srv_stay_erased() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
AS $stay$
BEGIN
  IF EXISTS (SELECT FROM public.srv_erasures AS e WHERE e.user_id = new.user_id) THEN
    RAISE EXCEPTION 'this user was erased' USING ERRCODE = 'ME001';
  END IF;
  RETURN new;
END
$stay$;

REVOKE ALL ON FUNCTION public.srv_stay_erased() FROM PUBLIC;

CREATE TRIGGER srv_users_stay_erased BEFORE INSERT ON public.srv_users
  FOR EACH ROW EXECUTE FUNCTION public.srv_stay_erased();

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_stay_erased FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
