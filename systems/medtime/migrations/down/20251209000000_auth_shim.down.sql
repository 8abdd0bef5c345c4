-- Takes back only what the migration made, which its comment tells apart from Supabase's own.
DO $shim$
BEGIN
  IF EXISTS (
    SELECT FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = 'auth' AND p.proname = 'uid' AND p.pronargs = 0
      AND pg_catalog.obj_description(p.oid, 'pg_proc') = 'MedTime: the user of this transaction'
  ) THEN
    DROP FUNCTION auth.uid();
    DROP SCHEMA auth;
  END IF;
END
$shim$;
