-- Files that clients have encrypted, up to 5 MB each: photographs of prescriptions, reports. They stand here and not in a store of objects
-- beside the database: they are counted in the same quota under the same lock, seen through the same row security, erased with the same
-- user, and every backup holds a file if it holds the entity that speaks of it. A file never changes; who has another one gives it another
-- id. So it can be read piece by piece, without a transaction that stays open while a slow phone takes it in.
CREATE TABLE public.srv_files (
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  id uuid NOT NULL,
  size integer NOT NULL CHECK (size BETWEEN 1 AND 5505024),
  -- SHA-256 of the bytes as they came, hex.
  checksum text NOT NULL CHECK (length(checksum) = 64),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, id)
);

CREATE TABLE public.srv_file_chunks (
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  file_id uuid NOT NULL,
  place integer NOT NULL CHECK (place >= 0),
  bytes bytea NOT NULL,
  PRIMARY KEY (user_id, file_id, place),
  FOREIGN KEY (user_id, file_id) REFERENCES public.srv_files (user_id, id) ON DELETE CASCADE
);
-- Ciphertext does not compress.
ALTER TABLE public.srv_file_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

ALTER TABLE public.srv_files ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_files FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_file_chunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_file_chunks FORCE ROW LEVEL SECURITY;
CREATE POLICY users_own_data ON public.srv_files TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY users_own_data ON public.srv_file_chunks TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
-- A file is written once and deleted by its owner: there is no UPDATE.
GRANT SELECT, DELETE, INSERT (user_id, id, size, checksum, created_at) ON public.srv_files TO medtime_api;
GRANT SELECT, INSERT (user_id, file_id, place, bytes) ON public.srv_file_chunks TO medtime_api;

-- Stores a file whole, in pieces of p_chunk bytes. The outcome: 'stored', 'kept' when it was there already just so, 'taken' when the id has
-- another content, 'full' when there is no room for it.
CREATE FUNCTION public.srv_put_file(
  p_user uuid, p_now timestamptz, p_id uuid, p_checksum text, p_bytes bytea, p_chunk integer, p_quota bigint
) RETURNS TABLE (outcome text, held bigint)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $put$
#variable_conflict use_column
DECLARE
  present text;
  length_of integer := octet_length(p_bytes);
  setting text := set_config('request.jwt.claims', '{"sub":"' || p_user || '"}', true);
BEGIN
  -- The lock of every write of the user.
  SELECT u.held_bytes INTO held FROM public.srv_users AS u WHERE u.user_id = p_user FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    INSERT INTO public.srv_users (user_id) VALUES (p_user) ON CONFLICT DO NOTHING;
    SELECT u.held_bytes INTO STRICT held FROM public.srv_users AS u WHERE u.user_id = p_user FOR NO KEY UPDATE;
  END IF;
  SELECT f.checksum INTO present FROM public.srv_files AS f WHERE f.user_id = p_user AND f.id = p_id;
  IF FOUND THEN
    outcome := CASE WHEN present = p_checksum THEN 'kept' ELSE 'taken' END;
  ELSIF held + length_of > p_quota THEN
    outcome := 'full';
  ELSE
    INSERT INTO public.srv_files (user_id, id, size, checksum, created_at) VALUES (p_user, p_id, length_of, p_checksum, p_now);
    INSERT INTO public.srv_file_chunks (user_id, file_id, place, bytes)
      SELECT p_user, p_id, g.place, substring(p_bytes FROM g.place * p_chunk + 1 FOR p_chunk)
      FROM generate_series(0, (length_of - 1) / p_chunk) AS g (place);
    held := held + length_of;
    UPDATE public.srv_users AS u SET held_bytes = held WHERE u.user_id = p_user;
    outcome := 'stored';
  END IF;
  RETURN NEXT;
END
$put$;

-- One piece of a file with what is known of the whole; nothing when there is no such file of this user.
CREATE FUNCTION public.srv_get_file(p_user uuid, p_id uuid, p_place integer) RETURNS TABLE (size integer, checksum text, bytes bytea)
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $get$
#variable_conflict use_column
DECLARE
  setting text := set_config('request.jwt.claims', '{"sub":"' || p_user || '"}', true);
BEGIN
  RETURN QUERY
    SELECT f.size, f.checksum, c.bytes FROM public.srv_files AS f
    JOIN public.srv_file_chunks AS c ON c.user_id = f.user_id AND c.file_id = f.id AND c.place = p_place
    WHERE f.user_id = p_user AND f.id = p_id;
END
$get$;

-- Deletes a file, if there is one, and frees its bytes; tells how many the user holds then.
CREATE FUNCTION public.srv_drop_file(p_user uuid, p_id uuid) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $drop$
DECLARE
  held bigint;
  freed bigint;
  setting text := set_config('request.jwt.claims', '{"sub":"' || p_user || '"}', true);
BEGIN
  SELECT u.held_bytes INTO held FROM public.srv_users AS u WHERE u.user_id = p_user FOR NO KEY UPDATE;
  DELETE FROM public.srv_files AS f WHERE f.user_id = p_user AND f.id = p_id RETURNING f.size INTO freed;
  IF FOUND THEN
    held := greatest(0, held - freed);
    UPDATE public.srv_users AS u SET held_bytes = held WHERE u.user_id = p_user;
  END IF;
  RETURN coalesce(held, 0);
END
$drop$;

CREATE OR REPLACE FUNCTION public.srv_count_bytes(p_user uuid) RETURNS void
  LANGUAGE sql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $count$
  UPDATE public.srv_users AS u SET held_bytes = coalesce(
      (SELECT sum(e.blob_size) FROM public.srv_encrypted_entities AS e WHERE e.user_id = p_user), 0)
      + coalesce((SELECT sum(f.size) FROM public.srv_files AS f WHERE f.user_id = p_user), 0)
    WHERE u.user_id = p_user
$count$;

REVOKE ALL ON FUNCTION public.srv_put_file, public.srv_get_file, public.srv_drop_file FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_put_file, public.srv_get_file, public.srv_drop_file TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON public.srv_files, public.srv_file_chunks FROM %I', web);
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_put_file, public.srv_get_file, public.srv_drop_file FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
