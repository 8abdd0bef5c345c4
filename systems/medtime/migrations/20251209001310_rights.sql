-- What a person may ask of whoever keeps their data: what they agreed to, a copy of everything, and an end of it.

-- What a user agreed to, by the id of the very text that was shown. Withdrawing ends a record, agreeing again begins another.
CREATE TABLE public.srv_consents (
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  text_id text NOT NULL CHECK (text_id ~ '^[a-z]+(-[a-z]+)*-[0-9]+$' AND length(text_id) <= 64),
  given_at timestamptz NOT NULL,
  withdrawn_at timestamptz CHECK (withdrawn_at >= given_at),
  PRIMARY KEY (user_id, text_id, given_at)
);
CREATE UNIQUE INDEX idx_consents_standing ON public.srv_consents (user_id, text_id) WHERE withdrawn_at IS NULL;

-- The log of what was done with accounts, kept for 6 years: each entry holds the hash of the one before, so that none can be changed,
-- left out or put in between without every later one telling. Of a person it has a hash with a salt of their own; with the salt,
-- which goes when they are erased, goes every way from the one to the other. Nobody's data.
CREATE TABLE public.srv_audit (
  sequence bigint PRIMARY KEY,
  at timestamptz NOT NULL,
  event text NOT NULL CHECK (event ~ '^[a-z]+(_[a-z]+)*$' AND length(event) <= 64),
  actor bytea NOT NULL CHECK (octet_length(actor) = 32),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE INDEX idx_audit_actor ON public.srv_audit (actor);

-- Where the log begins and ends: what was removed after 6 years left its last hash.
CREATE TABLE public.srv_audit_head (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  sequence bigint NOT NULL,
  hash bytea NOT NULL,
  first_sequence bigint NOT NULL,
  first_hash bytea NOT NULL
);
INSERT INTO public.srv_audit_head (sequence, hash, first_sequence, first_hash)
  VALUES (0, sha256('medtime audit'), 0, sha256('medtime audit'));

CREATE TABLE public.srv_audit_salts (
  user_id uuid PRIMARY KEY REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  salt bytea NOT NULL CHECK (octet_length(salt) = 32)
);

-- Who was erased and is not yet on record with the backups: without that record a restore to an earlier moment would bring them
-- back. Whoever runs the service notes each with `aval erase`, which takes it out of here. Nobody's data but the id itself.
CREATE TABLE public.srv_erasures (
  user_id uuid PRIMARY KEY,
  asked_at timestamptz NOT NULL
);

ALTER TABLE public.srv_consents ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_consents FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_audit FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_audit_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_audit_head FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_audit_salts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_audit_salts FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_erasures ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_erasures FORCE ROW LEVEL SECURITY;

CREATE POLICY users_own_data ON public.srv_consents TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
GRANT SELECT, INSERT (user_id, text_id, given_at), UPDATE (withdrawn_at) ON public.srv_consents TO medtime_api;

-- The functions below run as the owner of the tables, whom row security binds as well: to the rows of the one user the transaction
-- names, and in the log to adding, reading, and removing what is older than 6 years by the clock of the database.
CREATE POLICY owner_reads ON public.srv_audit FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_adds ON public.srv_audit FOR INSERT TO CURRENT_USER WITH CHECK (true);
CREATE POLICY owner_removes_old ON public.srv_audit FOR DELETE TO CURRENT_USER USING (at < now() - interval '6 years');
CREATE POLICY owner_keeps_head ON public.srv_audit_head TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner_salts ON public.srv_audit_salts FOR INSERT TO CURRENT_USER WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY owner_notes ON public.srv_erasures TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner_erases ON public.srv_users FOR DELETE TO CURRENT_USER USING (user_id = (SELECT auth.uid()));
CREATE POLICY owner_erases ON public.srv_family_links FOR DELETE TO CURRENT_USER
  USING (supervisor_id = (SELECT auth.uid()));

DO $export$
DECLARE
  named record;
BEGIN
  FOR named IN
    SELECT c.table_name, string_agg(format('%I = (SELECT auth.uid())', c.column_name), ' OR ') AS own
    FROM information_schema.columns AS c
    WHERE c.table_schema = 'public' AND c.column_name IN ('user_id', 'supervised_user_id', 'supervisor_id')
      AND c.table_name LIKE 'srv\_%' AND c.table_name <> 'srv_erasures'
    GROUP BY c.table_name
  LOOP
    EXECUTE format('CREATE POLICY owner_exports ON public.%I FOR SELECT TO CURRENT_USER USING (%s)', named.table_name, named.own);
  END LOOP;
END
$export$;

-- Secrets that prove who somebody is, and what is sealed against this very database: of no use to their owner, and a danger in a
-- file. Everything else is exported.
CREATE FUNCTION public.srv_withheld() RETURNS text[]
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = ''
  RETURN ARRAY[
    'registration_record', 'registration_id', 'proof_hash', 'sealed_secret', 'code_hash', 'token_hash', 'successor_hash', 'ticket_hash',
    'hash', 'secret_hash', 'sealed_token', 'sealed_number', 'number_hash', 'salt', 'content', 'with_key'
  ];

-- Every table that holds something of users, and its key in order; where a row lies, for a table without one.
CREATE FUNCTION public.srv_export_tables() RETURNS TABLE (name text, key text[], types text[])
  LANGUAGE sql STABLE
  SET search_path = ''
BEGIN ATOMIC
  SELECT c.relname::text, coalesce(array_agg(a.attname::text ORDER BY k.place) FILTER (WHERE a.attnum > 0), '{ctid}'),
    coalesce(array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY k.place) FILTER (WHERE a.attnum > 0), '{tid}')
  FROM pg_catalog.pg_class AS c
  LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
  LEFT JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place) ON true
  LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND EXISTS (SELECT FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'owner_exports')
  GROUP BY c.relname
  ORDER BY c.relname;
END;

-- The next rows of a user in one table, after a key that an earlier page ended with. Bytes are hex, as Postgres writes them. Whose they
-- are is asked here too: other policies let the owner of a table see what its cleaning is for, whosever that is.
CREATE FUNCTION public.srv_export_page(p_user uuid, p_table text, p_after jsonb, p_limit integer)
  RETURNS TABLE (key jsonb, entry jsonb)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = ''
AS $page$
DECLARE
  known record;
  keys text;
  bound text;
  own text;
BEGIN
  PERFORM set_config('request.jwt.claims', format('{"sub":"%s"}', p_user), true);
  SELECT t.name, t.key, t.types INTO STRICT known FROM public.srv_export_tables() AS t WHERE t.name = p_table;
  SELECT string_agg(format('t.%I', k.name), ', ' ORDER BY k.place),
    string_agg(format('($1 ->> %s)::%s', k.place - 1, k.type), ', ' ORDER BY k.place)
    INTO keys, bound
    FROM unnest(known.key, known.types) WITH ORDINALITY AS k (name, type, place);
  SELECT string_agg(format('t.%I = $3', a.attname), ' OR ') INTO STRICT own
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = format('public.%I', known.name)::regclass
      AND a.attname IN ('user_id', 'supervised_user_id', 'supervisor_id');
  RETURN QUERY EXECUTE format(
    'SELECT jsonb_build_array(%s), to_jsonb(t) - public.srv_withheld() FROM public.%I AS t
     WHERE (%s) AND ($1 IS NULL OR (%s) > (%s)) ORDER BY %s LIMIT $2', keys, known.name, own, keys, bound, keys)
    USING p_after, p_limit, p_user;
END
$page$;

-- Writes one entry. Whoever calls it names the user; it is the last thing a transaction does, for the log is written by one at a time.
CREATE FUNCTION public.srv_note_audit(p_user uuid, p_event text, p_now timestamptz) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = ''
AS $note$
DECLARE
  own bytea;
  last record;
  who bytea;
BEGIN
  PERFORM set_config('request.jwt.claims', format('{"sub":"%s"}', p_user), true);
  SELECT s.salt INTO own FROM public.srv_audit_salts AS s WHERE s.user_id = p_user;
  IF NOT FOUND THEN
    INSERT INTO public.srv_audit_salts (user_id, salt)
      VALUES (p_user, sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))) ON CONFLICT DO NOTHING;
    SELECT s.salt INTO STRICT own FROM public.srv_audit_salts AS s WHERE s.user_id = p_user;
  END IF;
  who := sha256(own || convert_to(p_user::text, 'UTF8'));
  SELECT h.sequence, h.hash INTO STRICT last FROM public.srv_audit_head AS h FOR UPDATE;
  INSERT INTO public.srv_audit (sequence, at, event, actor, hash)
    VALUES (last.sequence + 1, p_now, p_event, who, public.srv_audit_hash(last.hash, last.sequence + 1, p_now, p_event, who))
    RETURNING hash INTO last.hash;
  UPDATE public.srv_audit_head SET sequence = last.sequence + 1, hash = last.hash;
  RETURN last.sequence + 1;
END
$note$;

CREATE FUNCTION public.srv_audit_hash(p_before bytea, p_sequence bigint, p_at timestamptz, p_event text, p_actor bytea)
  RETURNS bytea
  LANGUAGE sql STABLE
  SET search_path = ''
  RETURN sha256(p_before || int8send(p_sequence) || timestamptz_send(p_at) || convert_to(p_event, 'UTF8') || p_actor);

-- The first entry that does not follow from those before it, or one more than the last where the head tells another; NULL when sound.
CREATE FUNCTION public.srv_verify_audit() RETURNS bigint
  LANGUAGE plpgsql STABLE SECURITY DEFINER
  SET search_path = ''
AS $verify$
DECLARE
  head record;
  entry record;
  expected bytea;
  place bigint;
BEGIN
  SELECT * INTO STRICT head FROM public.srv_audit_head;
  expected := head.first_hash;
  place := head.first_sequence;
  FOR entry IN SELECT * FROM public.srv_audit AS a ORDER BY a.sequence LOOP
    place := place + 1;
    expected := public.srv_audit_hash(expected, place, entry.at, entry.event, entry.actor);
    IF entry.sequence <> place OR entry.hash <> expected THEN
      RETURN place;
    END IF;
  END LOOP;
  IF head.sequence <> place OR head.hash <> expected THEN
    RETURN place + 1;
  END IF;
  RETURN NULL;
END
$verify$;

-- Removes what is older than 6 years from the beginning of the log, never from its middle. Returns how many entries.
CREATE FUNCTION public.srv_shorten_audit(p_now timestamptz) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = ''
AS $shorten$
DECLARE
  young bigint;
  begins record;
  removed bigint;
BEGIN
  PERFORM FROM public.srv_audit_head FOR UPDATE;
  SELECT coalesce(min(a.sequence), (SELECT h.sequence + 1 FROM public.srv_audit_head AS h)) INTO young
    FROM public.srv_audit AS a WHERE a.at >= least(p_now, now()) - interval '6 years';
  SELECT a.sequence, a.hash INTO begins FROM public.srv_audit AS a WHERE a.sequence < young ORDER BY a.sequence DESC LIMIT 1;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;
  DELETE FROM public.srv_audit AS a WHERE a.sequence < young;
  GET DIAGNOSTICS removed = ROW_COUNT;
  UPDATE public.srv_audit_head SET first_sequence = begins.sequence, first_hash = begins.hash;
  RETURN removed;
END
$shorten$;

-- What the log has of a user who is still there.
CREATE FUNCTION public.srv_audit_of(p_user uuid) RETURNS TABLE (at timestamptz, event text)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = ''
AS $of$
BEGIN
  PERFORM set_config('request.jwt.claims', format('{"sub":"%s"}', p_user), true);
  RETURN QUERY
    SELECT a.at, a.event FROM public.srv_audit AS a
    JOIN public.srv_audit_salts AS s ON s.user_id = p_user AND a.actor = sha256(s.salt || convert_to(p_user::text, 'UTF8'))
    ORDER BY a.sequence;
END
$of$;

-- Erases a user: notes it for the backups, notes it in the log, and removes every row. False when there is no such user.
CREATE FUNCTION public.srv_erase_account(p_user uuid, p_now timestamptz) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = ''
AS $erase$
BEGIN
  PERFORM set_config('request.jwt.claims', format('{"sub":"%s"}', p_user), true);
  IF NOT EXISTS (SELECT FROM public.srv_users AS u WHERE u.user_id = p_user) THEN
    RETURN false;
  END IF;
  INSERT INTO public.srv_erasures (user_id, asked_at) VALUES (p_user, p_now) ON CONFLICT DO NOTHING;
  DELETE FROM public.srv_family_links AS l WHERE l.supervisor_id = p_user;
  PERFORM public.srv_note_audit(p_user, 'account_erased', p_now);
  DELETE FROM public.srv_users AS u WHERE u.user_id = p_user;
  RETURN true;
END
$erase$;

REVOKE ALL ON FUNCTION public.srv_withheld, public.srv_export_tables, public.srv_export_page, public.srv_note_audit,
  public.srv_audit_hash, public.srv_verify_audit, public.srv_shorten_audit, public.srv_audit_of, public.srv_erase_account FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_export_tables, public.srv_export_page, public.srv_note_audit, public.srv_verify_audit,
  public.srv_shorten_audit, public.srv_audit_of, public.srv_erase_account TO medtime_api;
GRANT EXECUTE ON FUNCTION public.srv_note_audit TO medtime_accounts;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format(
        'REVOKE ALL ON public.srv_consents, public.srv_audit, public.srv_audit_head, public.srv_audit_salts, public.srv_erasures FROM %I',
        web);
      EXECUTE format(
        'REVOKE ALL ON FUNCTION public.srv_withheld, public.srv_export_tables, public.srv_export_page, public.srv_note_audit, '
        'public.srv_audit_hash, public.srv_verify_audit, public.srv_shorten_audit, public.srv_audit_of, '
        'public.srv_erase_account FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
