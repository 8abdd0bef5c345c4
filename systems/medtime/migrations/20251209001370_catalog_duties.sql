-- What the importer of the catalog was given to look after, and what came of it. Nobody's data: the sources are public lists.

-- A source the operator configured. From `since` on it is owed by its schedule.
CREATE TABLE public.srv_catalog_duties (
  source text PRIMARY KEY CHECK (source ~ '^[a-z]+(-[a-z]+)*$' AND length(source) <= 64),
  since timestamptz NOT NULL,
  -- After a failure it is not tried before; NULL when the last look went well.
  retry_at timestamptz,
  failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0)
);

-- Each look at a source that was due. An address or a text of a file is nowhere in it.
CREATE TABLE public.srv_catalog_looks (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source text NOT NULL CHECK (source ~ '^[a-z]+(-[a-z]+)*$' AND length(source) <= 64),
  looked_at timestamptz NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('imported', 'unchanged', 'failed')),
  error_code text CHECK (error_code ~ '^[A-Z][A-Z_]{1,39}$'),
  duration_ms integer NOT NULL CHECK (duration_ms >= 0),
  -- What was added, changed, removed and left out, when it was imported.
  summary json,
  CHECK ((outcome = 'failed') = (error_code IS NOT NULL))
);
CREATE INDEX idx_catalog_looks_source ON public.srv_catalog_looks (source, id);

DO $rows$
DECLARE
  named text;
BEGIN
  FOREACH named IN ARRAY ARRAY['duties', 'looks'] LOOP
    EXECUTE format('ALTER TABLE public.srv_catalog_%I ENABLE ROW LEVEL SECURITY', named);
    EXECUTE format('ALTER TABLE public.srv_catalog_%I FORCE ROW LEVEL SECURITY', named);
    EXECUTE format(
      'CREATE POLICY importer_writes ON public.srv_catalog_%I TO medtime_catalog USING (true) WITH CHECK (true)', named);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON public.srv_catalog_%I TO medtime_catalog', named);
  END LOOP;
END
$rows$;
GRANT UPDATE (retry_at, failures) ON public.srv_catalog_duties TO medtime_catalog;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON public.srv_catalog_duties, public.srv_catalog_looks FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
