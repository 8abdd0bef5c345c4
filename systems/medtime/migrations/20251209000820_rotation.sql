-- A collection gets a new key: every entity of it is sealed anew. That is more than one request can carry, and between its first and its
-- last entity no other device may see half of it. So batches are laid ready beside the entities, where nobody reads them, and take their
-- place in one transaction, if they are still complete: an entity that was written or added meanwhile was sealed under the old key.
--
-- A user has one rotation at a time. A new one takes the place of one that was given up; of two devices at it, one finds its set incomplete.
CREATE TABLE public.srv_rotations (
  user_id uuid PRIMARY KEY REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  rotation uuid NOT NULL,
  begun_at timestamptz NOT NULL,
  -- Set when it took effect: the same request again is answered as the first was.
  committed_at timestamptz,
  rotated bigint NOT NULL DEFAULT 0
);

CREATE TABLE public.srv_rotation_entities (
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  id uuid NOT NULL,
  entity_type text NOT NULL CHECK (length(entity_type) BETWEEN 1 AND 64),
  encrypted_blob bytea NOT NULL,
  version integer NOT NULL CHECK (version >= 1),
  -- The version it was made from.
  base integer NOT NULL,
  deleted boolean NOT NULL,
  blob_size integer NOT NULL CHECK (blob_size = octet_length(encrypted_blob)),
  checksum text NOT NULL CHECK (length(checksum) = 64),
  PRIMARY KEY (user_id, id)
);
ALTER TABLE public.srv_rotation_entities ALTER COLUMN encrypted_blob SET STORAGE EXTERNAL;

ALTER TABLE public.srv_rotations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_rotations FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_rotation_entities ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_rotation_entities FORCE ROW LEVEL SECURITY;
CREATE POLICY users_own_data ON public.srv_rotations TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY users_own_data ON public.srv_rotation_entities TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
GRANT SELECT, INSERT (user_id, rotation, begun_at), UPDATE (rotation, begun_at, committed_at, rotated)
  ON public.srv_rotations TO medtime_api;
-- Nothing of these rows was ever acknowledged as kept: here the API does delete.
GRANT SELECT, DELETE, INSERT (user_id, id, entity_type, encrypted_blob, version, base, deleted, blob_size, checksum),
  UPDATE (entity_type, encrypted_blob, version, base, deleted, blob_size, checksum)
  ON public.srv_rotation_entities TO medtime_api;

-- Lays entities ready for a rotation, and carries it out when p_commit is set.
--   p_collection  the entity types that get the key
--   p_key         id of the new key; what stands under it already is left as it is
--   p_quota       most bytes the user may hold, and most that may lie ready
-- The answer has fault_* filled when nothing was changed because the set is not complete: 'missing' was not laid ready, 'changed' has
-- another version, type or deletion by now, 'not_due' is under the new key, of another type or unknown. A thousand are named at most.
CREATE FUNCTION public.srv_rotate(
  p_user uuid, p_device text, p_now timestamptz, p_epoch bigint, p_rotation uuid, p_collection text[], p_key text, p_commit boolean,
  p_ids uuid[], p_types text[], p_versions integer[], p_bases integer[], p_deleted boolean[], p_checksums text[],
  p_starts integer[], p_sizes integer[], p_blobs bytea, p_quota bigint
) RETURNS TABLE (
  current_epoch bigint, last_sequence bigint, staged bigint, rotated bigint, held bigint, needed bigint,
  fault_ids uuid[], fault_reasons text[], faults bigint
)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $rotate$
#variable_conflict use_column
DECLARE
  before bigint;
  changed timestamptz;
  growth bigint;
  bytes bigint;
  present public.srv_rotations;
  setting text := set_config('request.jwt.claims', '{"sub":"' || p_user || '"}', true);
BEGIN
  -- The lock of every write of the user, before anything else.
  SELECT u.sequence, u.changed_at, u.held_bytes, greatest(u.epoch, (SELECT s.epoch FROM public.srv_sync_epoch AS s))
    INTO before, changed, held, current_epoch
    FROM public.srv_users AS u WHERE u.user_id = p_user FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    INSERT INTO public.srv_users (user_id) VALUES (p_user) ON CONFLICT DO NOTHING;
    SELECT u.sequence, u.changed_at, u.held_bytes, greatest(u.epoch, (SELECT s.epoch FROM public.srv_sync_epoch AS s))
      INTO STRICT before, changed, held, current_epoch
      FROM public.srv_users AS u WHERE u.user_id = p_user FOR NO KEY UPDATE;
  END IF;
  last_sequence := before;
  staged := 0;
  rotated := 0;
  IF p_epoch IS NOT NULL AND p_epoch <> current_epoch THEN
    RETURN NEXT;
    RETURN;
  END IF;

  SELECT r.* INTO present FROM public.srv_rotations AS r WHERE r.user_id = p_user;
  IF present.rotation = p_rotation AND present.committed_at IS NOT NULL THEN
    rotated := present.rotated;
    RETURN NEXT;
    RETURN;
  END IF;
  IF present.rotation IS DISTINCT FROM p_rotation THEN
    DELETE FROM public.srv_rotation_entities AS s WHERE s.user_id = p_user;
    INSERT INTO public.srv_rotations AS r (user_id, rotation, begun_at) VALUES (p_user, p_rotation, p_now)
      ON CONFLICT (user_id) DO UPDATE
      SET rotation = excluded.rotation, begun_at = excluded.begun_at, committed_at = NULL, rotated = 0;
  END IF;

  SELECT coalesce(sum(s.blob_size), 0) + coalesce((SELECT sum(i.size) FROM unnest(p_sizes) AS i (size)), 0)
    INTO bytes FROM public.srv_rotation_entities AS s WHERE s.user_id = p_user;
  IF bytes > p_quota THEN
    needed := bytes;
    RETURN NEXT;
    RETURN;
  END IF;
  INSERT INTO public.srv_rotation_entities AS s (
    user_id, id, entity_type, encrypted_blob, version, base, deleted, blob_size, checksum
  )
  SELECT p_user, i.id, i.entity_type, substring(p_blobs FROM i.start FOR i.size), i.version, i.base, i.deleted, i.size, i.checksum
  FROM unnest(p_ids, p_types, p_versions, p_bases, p_deleted, p_checksums, p_starts, p_sizes)
    AS i (id, entity_type, version, base, deleted, checksum, start, size)
  ON CONFLICT (user_id, id) DO UPDATE
    SET entity_type = excluded.entity_type, encrypted_blob = excluded.encrypted_blob, version = excluded.version,
      base = excluded.base, deleted = excluded.deleted, blob_size = excluded.blob_size, checksum = excluded.checksum;
  SELECT count(*) INTO staged FROM public.srv_rotation_entities AS s WHERE s.user_id = p_user;
  IF NOT p_commit THEN
    RETURN NEXT;
    RETURN;
  END IF;

  SELECT array_agg(f.id), array_agg(f.reason), max(f.total) INTO fault_ids, fault_reasons, faults
  FROM (
    SELECT coalesce(e.id, s.id) AS id, count(*) OVER () AS total,
      CASE WHEN e.id IS NULL THEN 'not_due' WHEN s.id IS NULL THEN 'missing' ELSE 'changed' END AS reason
    FROM (
      SELECT o.id, o.version, o.entity_type, o.deleted_at IS NOT NULL AS deleted FROM public.srv_encrypted_entities AS o
      WHERE o.user_id = p_user AND o.entity_type = ANY (p_collection) AND o.key_id <> p_key
    ) AS e
    FULL JOIN (SELECT * FROM public.srv_rotation_entities AS l WHERE l.user_id = p_user) AS s ON s.id = e.id
    WHERE e.id IS NULL OR s.id IS NULL OR s.base <> e.version OR s.entity_type <> e.entity_type OR s.deleted <> e.deleted
    ORDER BY 1 LIMIT 1000
  ) AS f;
  IF faults IS NOT NULL THEN
    RETURN NEXT;
    RETURN;
  END IF;

  SELECT coalesce(sum(s.blob_size - e.blob_size), 0) INTO growth
    FROM public.srv_rotation_entities AS s
    JOIN public.srv_encrypted_entities AS e ON e.user_id = s.user_id AND e.id = s.id WHERE s.user_id = p_user;
  IF growth > 0 AND held + growth > p_quota THEN
    needed := growth;
    RETURN NEXT;
    RETURN;
  END IF;

  changed := greatest(p_now, changed);
  -- A tombstone begins its time anew, as any change: whoever has not met this version must be able to.
  UPDATE public.srv_encrypted_entities AS e
    SET encrypted_blob = n.encrypted_blob, version = n.version, updated_at = changed,
      deleted_at = CASE WHEN n.deleted THEN changed END, client_id = p_device, key_id = p_key, blob_size = n.blob_size,
      checksum = n.checksum, sequence = before + n.number, epoch = current_epoch
    FROM (
      SELECT s.*, row_number() OVER (ORDER BY o.sequence) AS number
      FROM public.srv_rotation_entities AS s
      JOIN public.srv_encrypted_entities AS o ON o.user_id = s.user_id AND o.id = s.id WHERE s.user_id = p_user
    ) AS n
    WHERE e.user_id = p_user AND e.id = n.id;
  rotated := staged;
  last_sequence := before + rotated;
  held := greatest(0, held + growth);
  UPDATE public.srv_users AS u SET sequence = last_sequence, changed_at = changed, held_bytes = held WHERE u.user_id = p_user;
  UPDATE public.srv_sync_status AS d
    SET last_sync_at = p_now, sync_version = last_sequence, written = last_sequence,
      seen = CASE WHEN d.seen = before THEN last_sequence ELSE d.seen END
    WHERE d.user_id = p_user AND d.device_id = p_device;
  DELETE FROM public.srv_rotation_entities AS s WHERE s.user_id = p_user;
  UPDATE public.srv_rotations AS r SET committed_at = p_now, rotated = staged WHERE r.user_id = p_user;
  RETURN NEXT;
END
$rotate$;

REVOKE ALL ON FUNCTION public.srv_rotate FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_rotate TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON public.srv_rotations, public.srv_rotation_entities FROM %I', web);
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_rotate FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
