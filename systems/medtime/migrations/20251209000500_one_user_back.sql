-- One user's rows can come back from a backup while everybody else goes on. For that user's devices this is what a restore is: they
-- walk through everything anew and push again what the server does not have. So a user can have an epoch of its own, which counts where
-- it is higher than that of the database.
ALTER TABLE public.srv_users ADD COLUMN epoch bigint;
-- The highest epoch any user was given: the next one of the database must be above it.
ALTER TABLE public.srv_sync_epoch ADD COLUMN highest bigint NOT NULL DEFAULT 0;

-- The functions as they were, but for the epoch they speak of.
CREATE OR REPLACE FUNCTION public.srv_push(
  p_user uuid, p_device text, p_now timestamptz, p_epoch bigint, p_check boolean,
  p_ids uuid[], p_types text[], p_versions integer[], p_bases integer[], p_deleted boolean[], p_keys text[],
  p_checksums text[], p_starts integer[], p_sizes integer[], p_blobs bytea
) RETURNS TABLE (
  current_epoch bigint, last_sequence bigint, conflict_ids uuid[], conflict_versions integer[], conflict_checksums text[]
)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = '' SET plan_cache_mode = 'force_generic_plan'
AS $push$
DECLARE
  before bigint;
  changed timestamptz;
  stored integer[];
  replayed boolean[];
  present bigint;
  repeated bigint;
  written bigint;
  -- An assignment is evaluated without starting a query, as PERFORM would.
  setting text := set_config('request.jwt.claims', '{"sub":"' || p_user || '"}', true);
BEGIN
  IF p_check THEN
    SELECT greatest(s.epoch, (SELECT u.epoch FROM public.srv_users AS u WHERE u.user_id = p_user))
      INTO STRICT current_epoch FROM public.srv_sync_epoch AS s;
  ELSE
    SELECT u.sequence, u.changed_at, greatest(u.epoch, (SELECT s.epoch FROM public.srv_sync_epoch AS s))
      INTO before, changed, current_epoch
      FROM public.srv_users AS u WHERE u.user_id = p_user FOR NO KEY UPDATE;
    IF NOT FOUND THEN
      INSERT INTO public.srv_users (user_id) VALUES (p_user) ON CONFLICT DO NOTHING;
      SELECT u.sequence, u.changed_at, greatest(u.epoch, (SELECT s.epoch FROM public.srv_sync_epoch AS s))
        INTO STRICT before, changed, current_epoch
        FROM public.srv_users AS u WHERE u.user_id = p_user FOR NO KEY UPDATE;
    END IF;
    last_sequence := before;
  END IF;

  IF p_epoch IS NOT NULL AND p_epoch <> current_epoch THEN
    RETURN NEXT;
    RETURN;
  END IF;

  SELECT
    array_agg(c.stored ORDER BY c.place), array_agg(c.replayed ORDER BY c.place),
    count(c.stored), count(*) FILTER (WHERE c.replayed),
    array_agg(c.id ORDER BY c.place) FILTER (WHERE c.conflict),
    array_agg(coalesce(c.stored, 0) ORDER BY c.place) FILTER (WHERE c.conflict),
    array_agg(c.stored_checksum ORDER BY c.place) FILTER (WHERE c.conflict)
  INTO stored, replayed, present, repeated, conflict_ids, conflict_versions, conflict_checksums
  FROM (
    SELECT k.place, k.id, k.stored, k.stored_checksum, k.replayed,
      NOT k.replayed AND coalesce(k.stored, 0) <> k.base AS conflict
    FROM (
      SELECT i.place, i.id, i.base, e.version AS stored, e.checksum AS stored_checksum,
        e.version IS NOT NULL AND e.version = i.version AND e.checksum = i.checksum AND e.entity_type = i.entity_type
          AND e.key_id = i.key_id AND (e.deleted_at IS NOT NULL) = i.deleted AS replayed
      FROM unnest(p_ids, p_versions, p_bases, p_checksums, p_types, p_keys, p_deleted) WITH ORDINALITY
        AS i (id, version, base, checksum, entity_type, key_id, deleted, place)
      LEFT JOIN LATERAL (
        SELECT s.version, s.checksum, s.entity_type, s.key_id, s.deleted_at
        FROM public.srv_encrypted_entities AS s WHERE s.user_id = p_user AND s.id = i.id LIMIT 1
      ) AS e ON true
    ) AS k
  ) AS c;

  written := cardinality(p_ids) - repeated;
  IF p_check OR conflict_ids IS NOT NULL OR written = 0 THEN
    RETURN NEXT;
    RETURN;
  END IF;

  -- Clocks of instances differ, and a push may have waited: times of one user never go back.
  changed := greatest(p_now, changed);

  IF present < cardinality(p_ids) THEN
    INSERT INTO public.srv_encrypted_entities (
      id, user_id, entity_type, encrypted_blob, version, created_at, updated_at, deleted_at, client_id, key_id, blob_size,
      checksum, sequence, epoch
    )
    SELECT n.id, p_user, n.entity_type, substring(p_blobs FROM n.start FOR n.size), n.version, changed, changed,
      CASE WHEN n.deleted THEN changed END, p_device, n.key_id, n.size, n.checksum, before + n.number, current_epoch
    FROM (
      SELECT i.*, row_number() OVER (ORDER BY i.place) AS number
      FROM unnest(p_ids, p_types, p_versions, p_deleted, p_keys, p_checksums, p_starts, p_sizes, stored, replayed)
        WITH ORDINALITY
        AS i (id, entity_type, version, deleted, key_id, checksum, start, size, stored, replayed, place)
      WHERE NOT i.replayed
    ) AS n
    WHERE n.stored IS NULL;
  END IF;

  IF present > repeated THEN
    UPDATE public.srv_encrypted_entities AS e
    SET entity_type = n.entity_type, encrypted_blob = substring(p_blobs FROM n.start FOR n.size), version = n.version,
      updated_at = changed, deleted_at = CASE WHEN n.deleted THEN changed END, client_id = p_device, key_id = n.key_id,
      blob_size = n.size, checksum = n.checksum, sequence = before + n.number, epoch = current_epoch
    FROM (
      SELECT i.*, row_number() OVER (ORDER BY i.place) AS number
      FROM unnest(p_ids, p_types, p_versions, p_deleted, p_keys, p_checksums, p_starts, p_sizes, stored, replayed)
        WITH ORDINALITY
        AS i (id, entity_type, version, deleted, key_id, checksum, start, size, stored, replayed, place)
      WHERE NOT i.replayed
    ) AS n
    WHERE n.stored IS NOT NULL AND e.user_id = p_user AND e.id = n.id;
  END IF;

  last_sequence := before + written;
  -- A device that had seen everything before it wrote has seen everything still.
  WITH counted AS (
    UPDATE public.srv_users AS u SET sequence = last_sequence, changed_at = changed WHERE u.user_id = p_user
  )
  UPDATE public.srv_sync_status AS d
    SET last_sync_at = p_now, sync_version = last_sequence, written = last_sequence,
      seen = CASE WHEN d.seen = before THEN last_sequence ELSE d.seen END
    WHERE d.user_id = p_user AND d.device_id = p_device;
  IF NOT FOUND THEN
    -- A pull of the same device holds no lock on the user, and may have made the row just now.
    INSERT INTO public.srv_sync_status AS d (user_id, device_id, last_sync_at, sync_version, written, seen)
      VALUES (p_user, p_device, p_now, last_sequence, last_sequence, CASE WHEN before = 0 THEN last_sequence ELSE 0 END)
    ON CONFLICT (user_id, device_id) DO UPDATE
      SET last_sync_at = excluded.last_sync_at, sync_version = excluded.sync_version, written = excluded.written;
  END IF;

  RETURN NEXT;
END
$push$;

CREATE OR REPLACE FUNCTION public.srv_pull(
  p_user uuid, p_device text, p_now timestamptz, p_epoch bigint, p_after bigint, p_since timestamptz, p_limit integer,
  p_bytes integer
) RETURNS TABLE (
  number bigint, more boolean, change_epoch bigint, id uuid, entity_type text, version integer, deleted boolean,
  key_id text, encrypted_blob bytea, checksum text, client_id text, changed_at text
)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = '' SET plan_cache_mode = 'force_generic_plan'
  SET timezone = 'UTC' SET datestyle = 'ISO'
AS $pull$
#variable_conflict use_column
DECLARE
  given bigint := p_after;
  last bigint;
  total bigint;
  numbers bigint[];
  setting text := set_config('request.jwt.claims', '{"sub":"' || p_user || '"}', true);
BEGIN
  IF p_since IS NOT NULL THEN
    -- One statement and so one snapshot: a change that came between two of them could be passed over.
    SELECT coalesce(
      (SELECT min(e.sequence) - 1 FROM public.srv_encrypted_entities AS e
        WHERE e.user_id = p_user AND e.updated_at >= p_since),
      (SELECT u.sequence FROM public.srv_users AS u WHERE u.user_id = p_user),
      0)
    INTO given;
  END IF;

  SELECT array_agg(w.sequence), sum(w.blob_size), greatest(
    (SELECT s.epoch FROM public.srv_sync_epoch AS s), (SELECT u.epoch FROM public.srv_users AS u WHERE u.user_id = p_user))
  INTO numbers, total, change_epoch
  FROM (
    SELECT e.sequence, e.blob_size FROM public.srv_encrypted_entities AS e
    WHERE e.user_id = p_user AND e.sequence > given ORDER BY e.sequence LIMIT p_limit + 1
  ) AS w;
  IF p_epoch IS NOT NULL AND p_epoch <> change_epoch THEN
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
      e.encrypted_blob, e.checksum, e.client_id, e.updated_at::text
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
$pull$;

CREATE OR REPLACE FUNCTION public.srv_status(p_user uuid, p_limit integer) RETURNS TABLE (
  current_epoch bigint, last_sequence bigint, device_id text, last_sync_at timestamptz, sync_version bigint, written bigint,
  seen bigint
)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $status$
#variable_conflict use_column
BEGIN
  PERFORM set_config('request.jwt.claims', '{"sub":"' || p_user || '"}', true);
  RETURN QUERY
    SELECT greatest(s.epoch, u.epoch), coalesce(u.sequence, 0), d.device_id, d.last_sync_at, d.sync_version, d.written, d.seen
    FROM public.srv_sync_epoch AS s
    LEFT JOIN public.srv_users AS u ON u.user_id = p_user
    LEFT JOIN public.srv_sync_status AS d ON d.user_id = p_user
    ORDER BY d.device_id
    LIMIT p_limit;
END
$status$;

CREATE OR REPLACE FUNCTION public.srv_raise_epoch() RETURNS bigint
  LANGUAGE sql VOLATILE SECURITY INVOKER
  SET search_path = ''
BEGIN ATOMIC
  UPDATE public.srv_sync_epoch
    SET epoch = greatest(epoch + 1, highest + 1, extract(epoch FROM clock_timestamp())::bigint), raised_at = clock_timestamp()
    RETURNING epoch;
END;

-- Before a user's rows come back: what is stored now moves to numbers above any that can come, since a user has each number once.
CREATE FUNCTION public.srv_make_way(p_user uuid) RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $way$
BEGIN
  UPDATE public.srv_encrypted_entities AS e
    SET sequence = e.sequence + 1000000000
      + (SELECT max(m.sequence) FROM public.srv_encrypted_entities AS m WHERE m.user_id = p_user)
    WHERE e.user_id = p_user;
END
$way$;

-- After they came back: the counter is above all of them, nobody has seen anything of it, and the user's epoch is a new one, by which
-- every device notices. Run by the owner, to whom the rows are open for the length of that transaction.
CREATE FUNCTION public.srv_bring_back(p_user uuid) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $back$
DECLARE
  begun bigint;
BEGIN
  UPDATE public.srv_sync_epoch AS s
    SET highest = greatest(s.epoch + 1, s.highest + 1, extract(epoch FROM clock_timestamp())::bigint)
    RETURNING s.highest INTO STRICT begun;
  UPDATE public.srv_users AS u
    SET epoch = begun,
      sequence = greatest(u.sequence, coalesce(
        (SELECT max(e.sequence) FROM public.srv_encrypted_entities AS e WHERE e.user_id = p_user), 0)),
      changed_at = greatest(u.changed_at, coalesce(
        (SELECT max(e.updated_at) FROM public.srv_encrypted_entities AS e WHERE e.user_id = p_user), '-infinity'))
    WHERE u.user_id = p_user;
  UPDATE public.srv_sync_status AS d
    SET seen = 0, written = w.written, sync_version = w.written
    FROM (
      SELECT s.device_id, coalesce(max(e.sequence), 0) AS written
      FROM public.srv_sync_status AS s
      LEFT JOIN public.srv_encrypted_entities AS e ON e.user_id = s.user_id AND e.client_id = s.device_id
      WHERE s.user_id = p_user GROUP BY s.device_id
    ) AS w
    WHERE d.user_id = p_user AND d.device_id = w.device_id;
  RETURN begun;
END
$back$;

REVOKE ALL ON FUNCTION public.srv_make_way, public.srv_bring_back FROM PUBLIC;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_make_way, public.srv_bring_back FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
