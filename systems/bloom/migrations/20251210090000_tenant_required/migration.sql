-- A session that names no clinic is refused rather than shown nothing: an empty list looks like a clinic without clients, and
-- hides the fault of a program that forgot to name one. The setting is absent in a new session and '' after a SET LOCAL has
-- ended; both are refused alike, and so is what is no id.

CREATE OR REPLACE FUNCTION "current_tenant"() RETURNS UUID LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  named TEXT := nullif(current_setting('app.current_tenant', true), '');
BEGIN
  IF named IS NULL THEN
    RAISE EXCEPTION 'no clinic is named' USING ERRCODE = 'insufficient_privilege',
      HINT = 'Name it for the transaction: SELECT set_config(''app.current_tenant'', $1, true).';
  END IF;
  IF named !~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN
    RAISE EXCEPTION 'what app.current_tenant holds is no id of a clinic' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN named::uuid;
END
$$;
