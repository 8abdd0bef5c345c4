-- Tombstones are not kept for ever. One that is 90 days old and that every device has passed is removed; a device that was away for 180
-- days holds none back.
--
-- What must not happen: a device misses a deletion and keeps, or brings back, what is gone. So each user has a floor: tombstones up to
-- this number may be missing. A cursor says the floor it was issued under. A device whose cursor stands below the present floor, and was
-- issued under a lower one, is told to walk anew and to drop what the walk does not meet. A walk that began after the floor was raised
-- has cursors issued under it, and so comes to its end.
--
-- The floor is raised first, and what lies below it is removed by a later run: a pull that has read the old floor may be reading still.
ALTER TABLE public.srv_users
  ADD COLUMN floor bigint NOT NULL DEFAULT 0 CHECK (floor >= 0),
  -- Time of the change with that number.
  ADD COLUMN floor_at timestamptz NOT NULL DEFAULT '-infinity',
  -- When it was raised; NULL once what lies below is gone.
  ADD COLUMN floor_raised_at timestamptz;

CREATE INDEX idx_users_floor_raised ON public.srv_users (floor_raised_at) WHERE floor_raised_at IS NOT NULL;
-- What is to be compacted, oldest first.
CREATE INDEX idx_entities_tombstones ON public.srv_encrypted_entities (deleted_at) WHERE deleted_at IS NOT NULL;

-- The API deletes nothing; compaction is run by the owner, for all users, and sees tombstones alone. The setting is made in the function
-- below alone, so that the owner sees nothing by accident.
CREATE POLICY compaction_reads ON public.srv_encrypted_entities FOR SELECT TO CURRENT_USER
  USING (deleted_at IS NOT NULL AND current_setting('medtime.task', true) = 'compaction');
CREATE POLICY compaction_deletes ON public.srv_encrypted_entities FOR DELETE TO CURRENT_USER
  USING (deleted_at IS NOT NULL AND current_setting('medtime.task', true) = 'compaction');
CREATE POLICY compaction_reads ON public.srv_users FOR SELECT TO CURRENT_USER
  USING (current_setting('medtime.task', true) = 'compaction');
CREATE POLICY compaction_counts ON public.srv_users FOR UPDATE TO CURRENT_USER
  USING (current_setting('medtime.task', true) = 'compaction')
  WITH CHECK (current_setting('medtime.task', true) = 'compaction');
CREATE POLICY compaction_reads ON public.srv_sync_status FOR SELECT TO CURRENT_USER
  USING (current_setting('medtime.task', true) = 'compaction');

-- srv_pull, which stays for instances of the release before, with the floor.
--   p_floor   the floor that the caller's cursor was issued under
--   expired   deletions may be missing between the cursor, or the time, and now: there is a head and no page
CREATE FUNCTION public.srv_read(
  p_user uuid, p_device text, p_now timestamptz, p_epoch bigint, p_after bigint, p_since timestamptz, p_limit integer,
  p_bytes integer, p_floor bigint
) RETURNS TABLE (
  number bigint, more boolean, change_epoch bigint, id uuid, entity_type text, version integer, deleted boolean,
  key_id text, encrypted_blob bytea, checksum text, client_id text, changed_at text,
  floor bigint, expired boolean
)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = '' SET plan_cache_mode = 'force_generic_plan'
  SET timezone = 'UTC' SET datestyle = 'ISO'
AS $read$
#variable_conflict use_column
DECLARE
  given bigint := p_after;
  last bigint;
  total bigint;
  numbers bigint[];
  cleared timestamptz;
  setting text := set_config('request.jwt.claims', '{"sub":"' || p_user || '"}', true);
BEGIN
  IF p_since IS NOT NULL THEN
    SELECT u.floor_at INTO cleared FROM public.srv_users AS u WHERE u.user_id = p_user;
    -- One statement and so one snapshot: a change that came between two of them could be passed over.
    SELECT coalesce(
      (SELECT min(e.sequence) - 1 FROM public.srv_encrypted_entities AS e
        WHERE e.user_id = p_user AND e.updated_at >= p_since),
      (SELECT u.sequence FROM public.srv_users AS u WHERE u.user_id = p_user),
      0)
    INTO given;
  END IF;

  SELECT array_agg(w.sequence), sum(w.blob_size), greatest(
    (SELECT s.epoch FROM public.srv_sync_epoch AS s), (SELECT u.epoch FROM public.srv_users AS u WHERE u.user_id = p_user)),
    coalesce((SELECT u.floor FROM public.srv_users AS u WHERE u.user_id = p_user), 0)
  INTO numbers, total, change_epoch, floor
  FROM (
    SELECT e.sequence, e.blob_size FROM public.srv_encrypted_entities AS e
    WHERE e.user_id = p_user AND e.sequence > given ORDER BY e.sequence LIMIT p_limit + 1
  ) AS w;
  IF p_epoch IS NOT NULL AND p_epoch <> change_epoch THEN
    RETURN NEXT;
    RETURN;
  END IF;
  expired := p_after > 0 AND floor > greatest(p_after, p_floor) OR coalesce(p_since <= cleared, false);
  IF expired THEN
    RETURN NEXT;
    RETURN;
  END IF;
  more := coalesce(cardinality(numbers) > p_limit, false);
  last := numbers[least(p_limit, cardinality(numbers))];
  IF total > p_bytes THEN
    SELECT max(w.sequence), more OR count(*) < cardinality(numbers) INTO last, more
    FROM (
      SELECT e.sequence, row_number() OVER walk AS place, sum(e.blob_size) OVER walk AS running
      FROM public.srv_encrypted_entities AS e
      WHERE e.user_id = p_user AND e.sequence > given AND e.sequence <= last
      WINDOW walk AS (ORDER BY e.sequence ROWS UNBOUNDED PRECEDING)
    ) AS w
    WHERE w.place = 1 OR w.running <= p_bytes;
  END IF;
  last := coalesce(last, given);
  number := last;
  RETURN NEXT;

  RETURN QUERY
    SELECT NULL::bigint, NULL::boolean, e.epoch, e.id, e.entity_type, e.version, e.deleted_at IS NOT NULL, e.key_id,
      e.encrypted_blob, e.checksum, e.client_id, e.updated_at::text, NULL::bigint, NULL::boolean
    FROM public.srv_encrypted_entities AS e
    WHERE e.user_id = p_user AND e.sequence > given AND e.sequence <= last ORDER BY e.sequence;

  IF p_device IS NOT NULL AND NOT more THEN
    -- All that this transaction writes is how far a device is; a crash may forget the last moment of that, and no pull waits
    -- for the disk because of it.
    setting := set_config('synchronous_commit', 'off', true);
    UPDATE public.srv_sync_status AS d
      SET last_sync_at = p_now, seen = last, sync_version = greatest(d.written, last)
      WHERE d.user_id = p_user AND d.device_id = p_device;
    IF NOT FOUND THEN
      INSERT INTO public.srv_users (user_id) VALUES (p_user) ON CONFLICT DO NOTHING;
      INSERT INTO public.srv_sync_status (user_id, device_id, last_sync_at, sync_version, seen)
        VALUES (p_user, p_device, p_now, last, last)
        ON CONFLICT DO NOTHING;
    END IF;
  END IF;
END
$read$;

-- One run of compaction over some users: raises floors, and removes what lies below those that were raised a minute ago or longer. Each
-- user's row is locked as a push locks it; one that is locked is left for the next run. To be run again while `busy`.
CREATE FUNCTION public.srv_compact(p_now timestamptz, p_users integer) RETURNS TABLE (raised bigint, removed bigint, busy boolean)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = ''
AS $compact$
DECLARE
  -- Whatever clock asks: nothing is ever old before its time.
  run_at timestamptz := least(p_now, clock_timestamp());
  old timestamptz := least(p_now, clock_timestamp()) - interval '90 days';
  person record;
  passed bigint;
  top bigint;
  top_at timestamptz;
  freed bigint;
  gone bigint;
  met bigint := 0;
  setting text := set_config('medtime.task', 'compaction', true);
BEGIN
  raised := 0;
  removed := 0;
  FOR person IN
    SELECT u.user_id, u.floor, u.sequence FROM public.srv_users AS u
    WHERE u.floor_raised_at < run_at - interval '1 minute' LIMIT p_users FOR NO KEY UPDATE SKIP LOCKED
  LOOP
    WITH deleted AS (
      DELETE FROM public.srv_encrypted_entities AS e
        WHERE e.user_id = person.user_id AND e.deleted_at IS NOT NULL AND e.sequence <= person.floor RETURNING e.blob_size
    )
    SELECT count(*), coalesce(sum(d.blob_size), 0) INTO gone, freed FROM deleted AS d;
    UPDATE public.srv_users AS u
      SET floor_raised_at = NULL, held_bytes = greatest(0, u.held_bytes - freed) WHERE u.user_id = person.user_id;
    removed := removed + gone;
    met := met + 1;
  END LOOP;

  FOR person IN
    SELECT u.user_id, u.floor, u.sequence FROM public.srv_users AS u
    WHERE u.floor_raised_at IS NULL AND u.user_id IN (
      SELECT DISTINCT e.user_id FROM public.srv_encrypted_entities AS e
      JOIN public.srv_users AS o ON o.user_id = e.user_id
      WHERE e.deleted_at < old AND e.sequence > o.floor AND e.sequence <= coalesce((
        SELECT min(d.seen) FROM public.srv_sync_status AS d
        WHERE d.user_id = e.user_id AND d.last_sync_at >= run_at - interval '180 days'
      ), o.sequence)
      LIMIT p_users
    )
    FOR NO KEY UPDATE SKIP LOCKED
  LOOP
    -- Asked again under the lock.
    passed := coalesce((
      SELECT min(d.seen) FROM public.srv_sync_status AS d
      WHERE d.user_id = person.user_id AND d.last_sync_at >= run_at - interval '180 days'), person.sequence);
    SELECT e.sequence, e.updated_at INTO top, top_at FROM public.srv_encrypted_entities AS e
      WHERE e.user_id = person.user_id AND e.deleted_at < old AND e.sequence <= passed ORDER BY e.sequence DESC LIMIT 1;
    CONTINUE WHEN NOT FOUND;
    UPDATE public.srv_users AS u SET floor = top, floor_at = top_at, floor_raised_at = run_at
      WHERE u.user_id = person.user_id AND u.floor < top;
    raised := raised + 1;
    met := met + 1;
  END LOOP;
  busy := met >= p_users;
  setting := set_config('medtime.task', '', true);
  RETURN NEXT;
END
$compact$;

REVOKE ALL ON FUNCTION public.srv_read, public.srv_compact FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_read, public.srv_compact TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_read, public.srv_compact FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
