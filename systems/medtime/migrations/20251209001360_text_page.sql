-- srv_page, which stays for instances of the release before, with less to be put together and written out: a field of its own for each
-- column cost an aggregate each, arrays are looked through for what has to be quoted, and hex takes half as much again as base64.
--   expired   deletions may be missing between the cursor, or the time, and now: the rest says nothing then
--   fields    of each entity its id, version, whether it is deleted, checksum, microseconds since 1970, epoch and size of its blob, with
--             spaces between; commas between entities
--   names     of each entity its type, key and client
--   blobs     end to end, with a line end after every 76 characters, as encode writes it
-- Nor does the rest say anything when change_epoch is not p_epoch.
CREATE FUNCTION public.srv_text_page(
  p_user uuid, p_device text, p_now timestamptz, p_epoch bigint, p_after bigint, p_since timestamptz, p_limit integer,
  p_bytes integer, p_floor bigint
) RETURNS TABLE (
  change_epoch bigint, floor bigint, expired boolean, number bigint, more boolean,
  fields text, names json, blobs text
)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = '' SET plan_cache_mode = 'force_generic_plan'
AS $page$
#variable_conflict use_column
DECLARE
  given bigint := p_after;
  upto bigint := 9223372036854775807;
  cut boolean := false;
  newest bigint;
  -- Where no blob is larger, no page is too large.
  share integer := p_bytes / p_limit;
  largest integer;
  entities bigint;
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

  LOOP
    SELECT greatest(s.epoch, u.epoch), coalesce(u.floor, 0), coalesce(u.sequence, 0),
      p.number, p.entities, p.fields, to_json(p.names), encode(p.blobs, 'base64'), p.largest
    INTO change_epoch, floor, newest, number, entities, fields, names, blobs, largest
    FROM public.srv_sync_epoch AS s
    LEFT JOIN public.srv_users AS u ON u.user_id = p_user
    CROSS JOIN (
      SELECT max(w.sequence) AS number, count(*) AS entities,
        string_agg(concat_ws(' ', w.id, w.version, w.deleted_at IS NOT NULL, w.checksum,
          (date_part('epoch', w.updated_at) * 1000000)::bigint, w.epoch, w.blob_size), ',') AS fields,
        array_agg(ARRAY[w.entity_type, w.key_id, w.client_id]) AS names,
        string_agg(w.encrypted_blob, '') FILTER (WHERE w.blob_size <= share) AS blobs,
        max(w.blob_size) AS largest
      FROM (
        SELECT e.sequence, e.id, e.entity_type, e.version, e.deleted_at, e.key_id, e.checksum, e.client_id, e.updated_at,
          e.epoch, e.blob_size, e.encrypted_blob
        FROM public.srv_encrypted_entities AS e
        WHERE e.user_id = p_user AND e.sequence > given AND e.sequence <= upto ORDER BY e.sequence LIMIT p_limit
      ) AS w
    ) AS p;
    EXIT WHEN largest IS NULL OR largest <= share;
    -- What fits, counted by sizes alone. Whatever changes meanwhile leaves for a higher number: the page never grows by it.
    SELECT max(w.sequence) INTO upto
    FROM (
      SELECT e.sequence, row_number() OVER walk AS place, sum(e.blob_size) OVER walk AS running
      FROM public.srv_encrypted_entities AS e
      WHERE e.user_id = p_user AND e.sequence > given AND e.sequence <= number
      WINDOW walk AS (ORDER BY e.sequence ROWS UNBOUNDED PRECEDING)
    ) AS w
    WHERE w.place = 1 OR w.running <= p_bytes;
    -- All of them changed meanwhile: what there was is up to here.
    upto := coalesce(upto, number);
    cut := true;
    share := 2147483647;
  END LOOP;
  expired := p_after > 0 AND floor > greatest(p_after, p_floor) OR coalesce(p_since <= cleared, false);
  -- Numbers after the newest that is there may have been tombstones: what is neither full nor cut short is the last.
  more := coalesce(number, upto) < newest AND (cut OR entities = p_limit);
  number := coalesce(number, given);
  RETURN NEXT;
  IF expired OR p_epoch <> change_epoch THEN
    RETURN;
  END IF;

  IF p_device IS NOT NULL AND NOT more THEN
    -- All that this transaction writes is how far a device is; a crash may forget the last moment of that, and no pull waits
    -- for the disk because of it.
    setting := set_config('synchronous_commit', 'off', true);
    UPDATE public.srv_sync_status AS d
      SET last_sync_at = p_now, seen = number, sync_version = greatest(d.written, number)
      WHERE d.user_id = p_user AND d.device_id = p_device;
    IF NOT FOUND THEN
      INSERT INTO public.srv_users (user_id) VALUES (p_user) ON CONFLICT DO NOTHING;
      INSERT INTO public.srv_sync_status (user_id, device_id, last_sync_at, sync_version, seen)
        VALUES (p_user, p_device, p_now, number, number)
        ON CONFLICT DO NOTHING;
    END IF;
  END IF;
END
$page$;

REVOKE ALL ON FUNCTION public.srv_text_page FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_text_page TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_text_page FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
