-- Small pushes of several users in one transaction: what a statement and a commit cost is shared. Each is written by srv_write in the name
-- of its own user, so that row security binds it as ever, and is answered for itself: a conflict of one is none of the others.
--   p_counts   how many entities each push has; those of all pushes lie one after the other, as do the blobs
-- A push that is not answered was not looked at: its user is new, or somebody else writes for that user just now. Nobody here waits for the
-- lock of a user while holding those of others, so that no two calls can wait for each other, and no user waits for another's rotation.
CREATE FUNCTION public.srv_write_together(
  p_users uuid[], p_devices text[], p_times timestamptz[], p_epochs bigint[], p_quotas bigint[], p_counts integer[],
  p_ids uuid[], p_types text[], p_versions integer[], p_bases integer[], p_deleted boolean[], p_keys text[],
  p_checksums text[], p_starts integer[], p_sizes integer[], p_blobs bytea
) RETURNS TABLE (
  place integer, current_epoch bigint, last_sequence bigint, conflict_ids uuid[], conflict_versions integer[],
  conflict_checksums text[], held bigint, needed bigint
)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = '' SET plan_cache_mode = 'force_generic_plan'
AS $together$
DECLARE
  setting text;
  one integer := 1;
  last integer;
BEGIN
  FOR each IN 1 .. cardinality(p_users) LOOP
    last := one + p_counts[each] - 1;
    setting := set_config('request.jwt.claims', '{"sub":"' || p_users[each] || '"}', true);
    PERFORM FROM public.srv_users AS u WHERE u.user_id = p_users[each] FOR NO KEY UPDATE SKIP LOCKED;
    IF FOUND THEN
      place := each;
      SELECT w.current_epoch, w.last_sequence, w.conflict_ids, w.conflict_versions, w.conflict_checksums, w.held, w.needed
        INTO STRICT current_epoch, last_sequence, conflict_ids, conflict_versions, conflict_checksums, held, needed
        FROM public.srv_write(p_users[each], p_devices[each], p_times[each], p_epochs[each], false, p_ids[one:last],
          p_types[one:last], p_versions[one:last], p_bases[one:last], p_deleted[one:last], p_keys[one:last],
          p_checksums[one:last], p_starts[one:last], p_sizes[one:last], p_blobs, p_quotas[each]) AS w;
      RETURN NEXT;
    END IF;
    one := last + 1;
  END LOOP;
END
$together$;

REVOKE ALL ON FUNCTION public.srv_write_together FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_write_together TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_write_together FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
