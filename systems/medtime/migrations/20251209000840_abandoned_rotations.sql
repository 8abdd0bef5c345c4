-- What lay ready for a rotation that nobody came back to is removed after a day, by the owner and for all users.
CREATE POLICY housekeeping_reads ON public.srv_rotations FOR SELECT TO CURRENT_USER
  USING (current_setting('medtime.task', true) = 'abandoned rotations');
CREATE POLICY housekeeping_reads ON public.srv_rotation_entities FOR SELECT TO CURRENT_USER
  USING (current_setting('medtime.task', true) = 'abandoned rotations');
CREATE POLICY housekeeping_deletes ON public.srv_rotation_entities FOR DELETE TO CURRENT_USER
  USING (current_setting('medtime.task', true) = 'abandoned rotations');

-- Removes it and tells how many entities it was. A device that comes back after all finds its set incomplete, and begins again.
CREATE FUNCTION public.srv_clean_rotations(p_now timestamptz) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = ''
AS $clean$
DECLARE
  removed bigint;
  setting text := set_config('medtime.task', 'abandoned rotations', true);
BEGIN
  DELETE FROM public.srv_rotation_entities AS s USING public.srv_rotations AS r
    WHERE r.user_id = s.user_id AND r.begun_at < least(p_now, clock_timestamp()) - interval '1 day';
  GET DIAGNOSTICS removed = ROW_COUNT;
  setting := set_config('medtime.task', '', true);
  RETURN removed;
END
$clean$;

REVOKE ALL ON FUNCTION public.srv_clean_rotations FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_clean_rotations TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_clean_rotations FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
