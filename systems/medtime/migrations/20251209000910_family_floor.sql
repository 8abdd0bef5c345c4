-- A supervisor who was away for long must not miss deletions whose tombstones are gone: cursors of a pair carry the floor as well, and one
-- that stands below it is told to walk anew.
DROP FUNCTION public.srv_family_pull;

-- One page of what a supervisor may read of another person, oldest first. No row at all: there is no link that lets this reader read,
-- whatever the reason. Row security decides again over every row; what is named here is only what is asked for.
CREATE FUNCTION public.srv_family_pull(
  p_reader uuid, p_supervised uuid, p_invite uuid, p_epoch bigint, p_after bigint, p_limit integer, p_bytes integer,
  p_floor bigint
) RETURNS TABLE (
  number bigint, more boolean, change_epoch bigint, invite uuid, id uuid, entity_type text, version integer, deleted boolean,
  key_id text, encrypted_blob bytea, checksum text, client_id text, changed_at text,
  floor bigint, expired boolean
)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = '' SET plan_cache_mode = 'force_generic_plan'
  SET timezone = 'UTC' SET datestyle = 'ISO'
AS $pull$
#variable_conflict use_column
DECLARE
  last bigint;
  total bigint;
  numbers bigint[];
  types text[];
  linked uuid;
  top bigint;
  setting text := set_config('request.jwt.claims', '{"sub":"' || p_reader || '"}', true);
BEGIN
  SELECT l.entity_types, l.invite_id INTO types, linked FROM public.srv_family_links AS l
    WHERE l.supervised_user_id = p_supervised AND l.supervisor_id = p_reader AND l.status = 'active' AND l.expires_at > now();
  IF NOT FOUND THEN
    RETURN;
  END IF;
  invite := linked;
  -- A person's rows can have come back from a backup alone, which the epoch says, and tombstones up to the floor may be gone. Both
  -- stand in a row that only the person sees, and these numbers are read in their name. What lies below a floor goes a
  -- minute after it was raised and not before: the page below still has it.
  setting := set_config('request.jwt.claims', '{"sub":"' || p_supervised || '"}', true);
  SELECT greatest((SELECT s.epoch FROM public.srv_sync_epoch AS s),
    (SELECT u.epoch FROM public.srv_users AS u WHERE u.user_id = p_supervised)),
    coalesce((SELECT u.floor FROM public.srv_users AS u WHERE u.user_id = p_supervised), 0),
    (SELECT u.sequence FROM public.srv_users AS u WHERE u.user_id = p_supervised)
    INTO change_epoch, floor, top;
  setting := set_config('request.jwt.claims', '{"sub":"' || p_reader || '"}', true);
  IF (p_epoch IS NOT NULL AND p_epoch <> change_epoch) OR (p_invite IS NOT NULL AND p_invite IS DISTINCT FROM linked) THEN
    RETURN NEXT;
    RETURN;
  END IF;
  expired := p_after > 0 AND floor > greatest(p_after, p_floor);
  IF expired THEN
    RETURN NEXT;
    RETURN;
  END IF;

  SELECT array_agg(w.sequence), sum(w.blob_size) INTO numbers, total
  FROM (
    SELECT e.sequence, e.blob_size FROM public.srv_encrypted_entities AS e
    WHERE e.user_id = p_supervised AND e.entity_type = ANY (types) AND e.sequence > p_after
    ORDER BY e.sequence LIMIT p_limit + 1
  ) AS w;
  more := coalesce(cardinality(numbers) > p_limit, false);
  last := numbers[least(p_limit, cardinality(numbers))];
  IF total > p_bytes THEN
    SELECT max(w.sequence), more OR count(*) < cardinality(numbers) INTO last, more
    FROM (
      SELECT e.sequence, row_number() OVER walk AS place, sum(e.blob_size) OVER walk AS running
      FROM public.srv_encrypted_entities AS e
      WHERE e.user_id = p_supervised AND e.entity_type = ANY (types) AND e.sequence > p_after AND e.sequence <= last
      WINDOW walk AS (ORDER BY e.sequence ROWS UNBOUNDED PRECEDING)
    ) AS w
    WHERE w.place = 1 OR w.running <= p_bytes;
  END IF;
  last := coalesce(last, p_after);
  IF NOT more THEN
    -- Every change up to the number that was read before the page has been given or is not shared. From there on, whatever is
    -- deleted was not met yet; from the last shared change on, a floor would pass by a reader who is here every day.
    last := greatest(last, top);
  END IF;
  number := last;
  RETURN NEXT;

  RETURN QUERY
    SELECT NULL::bigint, NULL::boolean, e.epoch, NULL::uuid, e.id, e.entity_type, e.version, e.deleted_at IS NOT NULL, e.key_id,
      e.encrypted_blob, e.checksum, e.client_id, e.updated_at::text, NULL::bigint, NULL::boolean
    FROM public.srv_encrypted_entities AS e
    WHERE e.user_id = p_supervised AND e.entity_type = ANY (types) AND e.sequence > p_after AND e.sequence <= last
    ORDER BY e.sequence;
END
$pull$;

REVOKE ALL ON FUNCTION public.srv_family_pull FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_family_pull TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_family_pull FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
