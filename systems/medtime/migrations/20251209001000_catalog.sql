-- The catalog of medicines: nobody's data, the same for everybody. The API reads it, and the importer alone writes it.

-- The role the importer connects as. It is made without login: whoever runs the server gives it a password.
DO $role$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'medtime_catalog') THEN
    CREATE ROLE medtime_catalog NOLOGIN;
  END IF;
END
$role$;

GRANT USAGE ON SCHEMA public TO medtime_catalog;

-- One row for each state the catalog was in. The highest is what everybody reads: it is written last, in the transaction that
-- writes the medicines, so that nobody sees the half of an import.
CREATE TABLE public.srv_catalog_versions (
  version integer PRIMARY KEY CHECK (version > 0),
  published_at timestamptz NOT NULL,
  medicines integer NOT NULL CHECK (medicines >= 0),
  -- SHA-256 of all medicines, by which a device knows that what it put together is the whole.
  digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$')
);

-- A medicine in each of its states: from version `since` on, up to and without version `until`; NULL is today's. The changes
-- between two versions are what begins or ends between them.
CREATE TABLE public.srv_catalog_medicines (
  id text COLLATE "C" NOT NULL CHECK (id ~ '^[0-9a-f]{16}$'),
  since integer NOT NULL,
  until integer CHECK (until > since),
  -- As text, letter by letter what the digest was made of.
  body json NOT NULL,
  PRIMARY KEY (id, since)
);
CREATE UNIQUE INDEX idx_catalog_medicines_present ON public.srv_catalog_medicines (id) WHERE until IS NULL;
CREATE INDEX idx_catalog_medicines_since ON public.srv_catalog_medicines (since);
CREATE INDEX idx_catalog_medicines_until ON public.srv_catalog_medicines (until) WHERE until IS NOT NULL;

-- What the present medicines are looked for by. Terms are normalised by the code that server and phones share: only a to z,
-- digits and points are left, so that the words of a term are its lexemes and no dictionary of a language is asked.
CREATE TABLE public.srv_catalog_names (
  id text COLLATE "C" NOT NULL,
  term text COLLATE "C" NOT NULL CHECK (term ~ '^[a-z0-9.]+( [a-z0-9.]+)*$' AND length(term) <= 1000),
  -- As it is written.
  shown text NOT NULL,
  rank integer NOT NULL,
  words tsvector NOT NULL GENERATED ALWAYS AS (array_to_tsvector(string_to_array(term, ' '))) STORED,
  PRIMARY KEY (id, term)
);
-- Without a list of pending entries, which every search would have to read through after an import.
CREATE INDEX idx_catalog_names_words ON public.srv_catalog_names USING gin (words) WITH (fastupdate = off);

-- The lists by which Mexico's transport papers describe medicines: forms, conditions, sectors.
CREATE TABLE public.srv_catalog_lists (
  list text COLLATE "C" NOT NULL CHECK (list IN ('form', 'condition', 'sector')),
  code text COLLATE "C" NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  PRIMARY KEY (list, code)
);

-- What is known of each source: which file it was read from last, when, and what that brought.
CREATE TABLE public.srv_catalog_sources (
  source text PRIMARY KEY,
  digest text NOT NULL,
  imported_at timestamptz NOT NULL,
  -- Also when the file was the same as before: what decides whether the source is due.
  checked_at timestamptz NOT NULL,
  summary json NOT NULL
);

-- What each source tells of each medicine; the catalog is made of all of them together.
CREATE TABLE public.srv_catalog_records (
  source text NOT NULL,
  key text COLLATE "C" NOT NULL,
  facts json NOT NULL,
  PRIMARY KEY (source, key)
);

DO $rows$
DECLARE
  named text;
BEGIN
  FOREACH named IN ARRAY ARRAY['versions', 'medicines', 'names', 'lists', 'sources', 'records'] LOOP
    EXECUTE format('ALTER TABLE public.srv_catalog_%I ENABLE ROW LEVEL SECURITY', named);
    EXECUTE format('ALTER TABLE public.srv_catalog_%I FORCE ROW LEVEL SECURITY', named);
    EXECUTE format(
      'CREATE POLICY importer_writes ON public.srv_catalog_%I TO medtime_catalog USING (true) WITH CHECK (true)', named);
    -- The migrations bring the starter catalog.
    EXECUTE format(
      'CREATE POLICY owner_writes ON public.srv_catalog_%I TO CURRENT_USER USING (true) WITH CHECK (true)', named);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON public.srv_catalog_%I TO medtime_catalog', named);
  END LOOP;
END
$rows$;

-- Nobody's data: everybody who may ask the API may read all of it.
CREATE POLICY everybody_reads ON public.srv_catalog_versions FOR SELECT TO medtime_api USING (true);
CREATE POLICY everybody_reads ON public.srv_catalog_medicines FOR SELECT TO medtime_api USING (true);
CREATE POLICY everybody_reads ON public.srv_catalog_names FOR SELECT TO medtime_api USING (true);
CREATE POLICY everybody_reads ON public.srv_catalog_lists FOR SELECT TO medtime_api USING (true);
GRANT SELECT ON public.srv_catalog_versions, public.srv_catalog_medicines, public.srv_catalog_names,
  public.srv_catalog_lists TO medtime_api;
-- A medicine is never changed, it ends; what a source tells is replaced.
GRANT UPDATE (until) ON public.srv_catalog_medicines TO medtime_catalog;
GRANT UPDATE (facts) ON public.srv_catalog_records TO medtime_catalog;
GRANT UPDATE (digest, imported_at, checked_at, summary) ON public.srv_catalog_sources TO medtime_catalog;

-- Trigrams find what was mistyped. The extension stands in the schema it was put into: `extensions` on Supabase, `public` on a
-- server of our own; the function names its schema, for its own search path is closed.
DO $likeness$
DECLARE
  place text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_trgm') THEN
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'extensions') THEN
      CREATE EXTENSION pg_trgm SCHEMA extensions;
    ELSE
      CREATE EXTENSION pg_trgm SCHEMA public;
    END IF;
  END IF;
  SELECT n.nspname INTO STRICT place
    FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_trgm';
  IF NOT has_schema_privilege('medtime_api', place, 'USAGE') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO medtime_api', place);
  END IF;
  IF NOT has_schema_privilege('medtime_catalog', place, 'USAGE') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO medtime_catalog', place);
  END IF;
  EXECUTE format('CREATE INDEX idx_catalog_names_term ON public.srv_catalog_names USING gin (term %I.gin_trgm_ops) '
    'WITH (fastupdate = off)', place);

  -- The medicines with a name that matches: by its letters, or, when there is none, by its likeness. One row for each medicine,
  -- best first, in the order that `compareHits` of the client has as well; a row without an id when nothing matches.
  --   p_text   what was typed, normalised;  p_core  the same without salts and joining words
  --   p_words  the words of p_core as a tsquery of prefixes
  -- All of it is one snapshot: a catalog published meanwhile is not seen. The planner takes a comparison of trigrams for as cheap
  -- as one of numbers and would read every name; the indexes are always the better way here.
  EXECUTE format($create$
    CREATE FUNCTION public.srv_catalog_search(p_text text, p_core text, p_words text, p_limit integer)
      RETURNS TABLE (version integer, id text, term text, shown text, rank integer, level integer, likeness real, body text)
      LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, %I SET enable_seqscan = off
    AS $search$
    DECLARE
      present integer := (SELECT max(v.version) FROM public.srv_catalog_versions AS v);
    BEGIN
      RETURN QUERY
        WITH hits AS (
          SELECT n.id, n.term, n.shown, n.rank,
            CASE
              WHEN n.term = p_text OR n.term = p_core THEN 0
              WHEN starts_with(n.term, p_text) OR starts_with(n.term, p_core) THEN 1
              ELSE 2
            END AS level
          FROM public.srv_catalog_names AS n WHERE n.words @@ p_words::tsquery
        ), best AS (
          SELECT DISTINCT ON (h.id) h.* FROM hits AS h ORDER BY h.id, h.level, h.rank, length(h.term), h.term
        ), first AS (
          SELECT * FROM best AS b ORDER BY b.level, b.rank, length(b.term), b.term, b.id LIMIT p_limit
        )
        SELECT present, f.id, f.term, f.shown, f.rank, f.level, 1::real, m.body::text
        FROM first AS f JOIN public.srv_catalog_medicines AS m ON m.id = f.id AND m.until IS NULL
        ORDER BY f.level, f.rank, length(f.term), f.term, f.id;
      IF FOUND THEN
        RETURN;
      END IF;
      RETURN QUERY
        WITH hits AS (
          SELECT n.id, n.term, n.shown, n.rank, similarity(n.term, p_core) AS likeness
          FROM public.srv_catalog_names AS n WHERE n.term %% p_core
        ), best AS (
          SELECT DISTINCT ON (h.id) h.* FROM hits AS h WHERE h.likeness >= 0.3::real
          ORDER BY h.id, h.likeness DESC, h.rank, length(h.term), h.term
        ), first AS (
          SELECT * FROM best AS b ORDER BY b.likeness DESC, b.rank, length(b.term), b.term, b.id LIMIT p_limit
        )
        SELECT present, f.id, f.term, f.shown, f.rank, 3, f.likeness, m.body::text
        FROM first AS f JOIN public.srv_catalog_medicines AS m ON m.id = f.id AND m.until IS NULL
        ORDER BY f.likeness DESC, f.rank, length(f.term), f.term, f.id;
      IF NOT FOUND THEN
        version := present;
        RETURN NEXT;
      END IF;
    END
    $search$
  $create$, place);
END
$likeness$;

REVOKE ALL ON FUNCTION public.srv_catalog_search FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_catalog_search TO medtime_api;

-- Supabase grants its web roles everything in this schema; the catalog is read through the API, behind its limits.
DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format(
        'REVOKE ALL ON public.srv_catalog_versions, public.srv_catalog_medicines, public.srv_catalog_names, '
        'public.srv_catalog_lists, public.srv_catalog_sources, public.srv_catalog_records FROM %I', web);
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_catalog_search FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
