-- Row security asks auth.uid() who is speaking, as Supabase does. Where there is no such function one is made that reads the
-- same setting; an existing one is never touched. The catalogue is asked rather than to_regprocedure(), which fails instead of
-- answering when the schema may not be entered.
DO $shim$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'auth') THEN
    CREATE SCHEMA auth;
  END IF;
  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = 'auth' AND p.proname = 'uid' AND p.pronargs = 0
  ) THEN
    CREATE FUNCTION auth.uid() RETURNS uuid
      LANGUAGE sql STABLE PARALLEL SAFE
      RETURN (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
    COMMENT ON FUNCTION auth.uid() IS 'MedTime: the user of this transaction';
  END IF;
END
$shim$;
