-- How a link comes about and what it opens. The person who is looked after makes an invite and hands it over outside the server; who
-- holds it accepts, which makes a pending link; both compare a short code, and only then the invited side's reading begins.
--
-- Times here are the clock of the database: one clock, however many instances and whatever theirs say.

CREATE TABLE public.srv_family_invites (
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  invite_id uuid NOT NULL,
  -- SHA-256 of a random 256-bit secret: guessing is hopeless without slowing the hash, and a copy of this table opens nothing.
  secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
  -- What the inviting device has bound itself to before it knows who answers.
  commitment bytea NOT NULL CHECK (octet_length(commitment) = 32),
  entity_types text[] NOT NULL CHECK (cardinality(entity_types) BETWEEN 1 AND 32),
  -- How long the link will stand once it is confirmed; NULL: until it is revoked.
  access_days integer CHECK (access_days BETWEEN 1 AND 3660),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL DEFAULT now() + interval '7 days',
  -- Set and removed with the row within the one transaction that accepts: it lets row security see that the invite was held.
  accepted_by uuid,
  PRIMARY KEY (user_id, invite_id)
);

-- The daily cleaning looks for the oldest.
CREATE INDEX idx_family_invites_expires ON public.srv_family_invites (expires_at);

-- Nothing is shared by a link that names nothing. A pending link stands for 7 days; an active one as long as was said.
ALTER TABLE public.srv_family_links
  ADD COLUMN invite_id uuid,
  ADD COLUMN entity_types text[] NOT NULL DEFAULT '{}',
  ADD COLUMN access_days integer,
  ADD COLUMN expires_at timestamptz NOT NULL DEFAULT 'infinity',
  ADD COLUMN commitment bytea,
  ADD COLUMN supervisor_public_key bytea CHECK (octet_length(supervisor_public_key) = 32),
  ADD COLUMN supervisor_nonce bytea CHECK (octet_length(supervisor_nonce) = 32),
  ADD COLUMN supervisor_tag bytea CHECK (octet_length(supervisor_tag) = 32),
  ADD COLUMN supervised_public_key bytea CHECK (octet_length(supervised_public_key) = 32),
  ADD COLUMN supervised_nonce bytea CHECK (octet_length(supervised_nonce) = 32);

-- Keys of collections, each sealed to the public key of one supervisor: the server can open none of them.
CREATE TABLE public.srv_family_keys (
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  supervisor_id uuid NOT NULL,
  collection text NOT NULL CHECK (length(collection) BETWEEN 1 AND 64),
  key_id text NOT NULL CHECK (length(key_id) BETWEEN 1 AND 64),
  sealed bytea NOT NULL CHECK (octet_length(sealed) BETWEEN 1 AND 256),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, supervisor_id, collection, key_id),
  FOREIGN KEY (user_id, supervisor_id)
    REFERENCES public.srv_family_links (supervised_user_id, supervisor_id) ON DELETE CASCADE
);

ALTER TABLE public.srv_family_invites ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_family_invites FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_family_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_family_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY users_own_data ON public.srv_family_invites TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
-- Of somebody else's invites only the one is seen whose secret is presented, as its hash, for the length of a transaction. Who
-- presents none sees none: neither that there are any, nor whose.
CREATE POLICY bearer_sees ON public.srv_family_invites FOR SELECT TO medtime_api
  USING (
    accepted_by = (SELECT auth.uid())
    OR (
      accepted_by IS NULL AND expires_at > now() AND user_id <> (SELECT auth.uid())
      AND secret_hash = (SELECT decode(nullif(current_setting('request.invite', true), ''), 'hex'))
    )
  );
CREATE POLICY bearer_accepts ON public.srv_family_invites FOR UPDATE TO medtime_api
  USING (
    accepted_by IS NULL AND expires_at > now() AND user_id <> (SELECT auth.uid())
    AND secret_hash = (SELECT decode(nullif(current_setting('request.invite', true), ''), 'hex'))
  )
  WITH CHECK (accepted_by = (SELECT auth.uid()));
CREATE POLICY bearer_uses_up ON public.srv_family_invites FOR DELETE TO medtime_api
  USING (accepted_by = (SELECT auth.uid()));

-- A link begins as pending, by the hand of who holds the invite, and says what the invite says. The supervised alone makes it
-- active. Either side revokes. What is revoked stays so: a new link takes a new invite.
DROP POLICY supervised_decide ON public.srv_family_links;
CREATE POLICY supervised_see_their_links ON public.srv_family_links FOR SELECT TO medtime_api
  USING (supervised_user_id = (SELECT auth.uid()));
CREATE POLICY supervised_decide ON public.srv_family_links FOR UPDATE TO medtime_api
  USING (supervised_user_id = (SELECT auth.uid()) AND status <> 'revoked')
  WITH CHECK (supervised_user_id = (SELECT auth.uid()));
CREATE POLICY supervisors_accept ON public.srv_family_links FOR INSERT TO medtime_api
  WITH CHECK (
    supervisor_id = (SELECT auth.uid()) AND status = 'pending' AND expires_at <= now() + interval '7 days'
    AND EXISTS (
      SELECT FROM public.srv_family_invites AS i
      WHERE i.user_id = supervised_user_id AND i.invite_id = srv_family_links.invite_id
        AND i.accepted_by = (SELECT auth.uid()) AND i.entity_types = srv_family_links.entity_types
        AND i.access_days IS NOT DISTINCT FROM srv_family_links.access_days AND i.commitment = srv_family_links.commitment
    )
  );
CREATE POLICY supervisors_give_up ON public.srv_family_links FOR UPDATE TO medtime_api
  USING (supervisor_id = (SELECT auth.uid()))
  WITH CHECK (supervisor_id = (SELECT auth.uid()) AND status = 'revoked');
CREATE POLICY supervisors_clear ON public.srv_family_links FOR DELETE TO medtime_api
  USING (supervisor_id = (SELECT auth.uid()) AND status = 'revoked');

-- The links of a reader are gathered once a statement, not once a row; reads of one's own rows never ask for them.
DROP POLICY family_access ON public.srv_encrypted_entities;
CREATE POLICY family_access ON public.srv_encrypted_entities FOR SELECT TO medtime_api
  USING (
    user_id <> (SELECT auth.uid())
    AND (user_id, entity_type) IN (
      SELECT l.supervised_user_id, t.entity_type
      FROM public.srv_family_links AS l, unnest(l.entity_types) AS t (entity_type)
      WHERE l.supervisor_id = (SELECT auth.uid()) AND l.status = 'active' AND l.expires_at > now()
    )
  );

CREATE POLICY users_own_data ON public.srv_family_keys TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY supervisors_read ON public.srv_family_keys FOR SELECT TO medtime_api
  USING (
    supervisor_id = (SELECT auth.uid())
    AND user_id IN (
      SELECT l.supervised_user_id FROM public.srv_family_links AS l
      WHERE l.supervisor_id = (SELECT auth.uid()) AND l.status = 'active' AND l.expires_at > now()
    )
  );

-- When an invite ends is not for the API to say.
GRANT SELECT, INSERT (user_id, invite_id, secret_hash, commitment, entity_types, access_days), UPDATE (accepted_by), DELETE
  ON public.srv_family_invites TO medtime_api;
GRANT
  INSERT (supervised_user_id, supervisor_id, status, invite_id, entity_types, access_days, expires_at, commitment,
    supervisor_public_key, supervisor_nonce, supervisor_tag),
  UPDATE (status, expires_at, supervised_public_key, supervised_nonce),
  DELETE
  ON public.srv_family_links TO medtime_api;
GRANT SELECT, INSERT (user_id, supervisor_id, collection, key_id, sealed), UPDATE (sealed), DELETE
  ON public.srv_family_keys TO medtime_api;

-- One page of what a supervisor may read of another person, oldest first. No row at all: there is no link that lets this reader read,
-- whatever the reason. Row security decides again over every row; what is named here is only what is asked for.
CREATE FUNCTION public.srv_family_pull(
  p_reader uuid, p_supervised uuid, p_invite uuid, p_epoch bigint, p_after bigint, p_limit integer, p_bytes integer
) RETURNS TABLE (
  number bigint, more boolean, change_epoch bigint, invite uuid, id uuid, entity_type text, version integer, deleted boolean,
  key_id text, encrypted_blob bytea, checksum text, client_id text, changed_at text
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
  setting text := set_config('request.jwt.claims', '{"sub":"' || p_reader || '"}', true);
BEGIN
  SELECT l.entity_types, l.invite_id INTO types, linked FROM public.srv_family_links AS l
    WHERE l.supervised_user_id = p_supervised AND l.supervisor_id = p_reader AND l.status = 'active' AND l.expires_at > now();
  IF NOT FOUND THEN
    RETURN;
  END IF;
  invite := linked;
  -- A person's rows can have come back from a backup alone, and the epoch says so. It stands in a row that only the person sees, and
  -- this one number is read in their name.
  setting := set_config('request.jwt.claims', '{"sub":"' || p_supervised || '"}', true);
  SELECT greatest((SELECT s.epoch FROM public.srv_sync_epoch AS s),
    (SELECT u.epoch FROM public.srv_users AS u WHERE u.user_id = p_supervised)) INTO change_epoch;
  setting := set_config('request.jwt.claims', '{"sub":"' || p_reader || '"}', true);
  IF (p_epoch IS NOT NULL AND p_epoch <> change_epoch) OR (p_invite IS NOT NULL AND p_invite IS DISTINCT FROM linked) THEN
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
  number := last;
  RETURN NEXT;

  RETURN QUERY
    SELECT NULL::bigint, NULL::boolean, e.epoch, NULL::uuid, e.id, e.entity_type, e.version, e.deleted_at IS NOT NULL, e.key_id,
      e.encrypted_blob, e.checksum, e.client_id, e.updated_at::text
    FROM public.srv_encrypted_entities AS e
    WHERE e.user_id = p_supervised AND e.entity_type = ANY (types) AND e.sequence > p_after AND e.sequence <= last
    ORDER BY e.sequence;
END
$pull$;

REVOKE ALL ON FUNCTION public.srv_family_pull FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_family_pull TO medtime_api;

-- Supabase grants its web roles everything in this schema.
DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON public.srv_family_invites, public.srv_family_keys FROM %I', web);
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_family_pull FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
