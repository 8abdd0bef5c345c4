import { archived, asOwner, asSuperuser, guard, type Leak } from './case.fixture.ts'

const select = /FOR SELECT whose USING/

/** Policies that let through what they should keep. */
const policies: readonly Leak[] = [
  {
    name: 'whose second policy is OR-ed with the first',
    sql: 'CREATE POLICY short ON notes FOR SELECT USING (size < 9)',
    holes: { 'app read notes': [/^SELECT .* FROM public\.notes$/, select] },
    mended: 'DROP POLICY short ON notes; CREATE POLICY short ON notes AS RESTRICTIVE FOR SELECT USING (size < 9)',
  },
  {
    name: 'that does not check what is inserted',
    sql: 'CREATE POLICY anything ON notes FOR INSERT WITH CHECK (true)',
    holes: { 'app insert notes': [/^INSERT INTO public\.notes .* what is another's$/, /FOR INSERT whose WITH CHECK/] },
    mended: 'DROP POLICY anything ON notes',
  },
  {
    name: 'that does not check what is changed',
    sql: 'CREATE POLICY anything ON notes FOR UPDATE USING (tenant_id = tenant()) WITH CHECK (true)',
    holes: { 'app move notes': [/^UPDATE public\.notes SET tenant_id = another's$/, /REVOKE UPDATE \(tenant_id\)/] },
    mended: 'DROP POLICY anything ON notes',
  },
  {
    name: 'where anybody deletes anything',
    sql: 'CREATE POLICY anything ON lines FOR DELETE USING (true)',
    holes: { 'app delete lines': [/^DELETE FROM public\.lines/, /FOR DELETE whose USING/] },
    mended: 'DROP POLICY anything ON lines',
  },
  {
    name: 'where anybody changes anything',
    sql: 'CREATE POLICY anything ON lines FOR UPDATE USING (true)',
    holes: {
      'app change lines': [/^UPDATE public\.lines SET "word"/, /FOR UPDATE whose USING/],
      'app move lines': [/SET tenant_id = another's/, /WITH CHECK/],
    },
    mended: 'DROP POLICY anything ON lines',
  },
  {
    name: 'whose subquery compares a column with itself',
    sql: 'CREATE POLICY of_notes ON lines FOR SELECT USING (EXISTS (SELECT FROM notes n WHERE n.tenant_id = n.tenant_id))',
    holes: { 'app read lines': [/FROM public\.lines/, select] },
    mended:
      'DROP POLICY of_notes ON lines; CREATE POLICY of_notes ON lines FOR SELECT USING (EXISTS (SELECT FROM notes n WHERE n.tenant_id = lines.tenant_id))',
  },
  {
    name: 'that shows everything to nobody in particular',
    sql: 'CREATE POLICY own_or_all ON notes FOR SELECT USING (tenant_id = coalesce(tenant(), tenant_id))',
    holes: { 'app read notes': [/FROM public\.notes/, select] },
    mended: 'DROP POLICY own_or_all ON notes',
  },
  {
    name: 'that takes a missing setting, without missing_ok, for leave to see all',
    sql: `CREATE FUNCTION speaker() RETURNS text LANGUAGE plpgsql STABLE SET search_path = '' AS
        $$ BEGIN RETURN current_setting('app.tenant'); EXCEPTION WHEN undefined_object THEN RETURN NULL; END $$;
      CREATE POLICY jobs ON notes FOR SELECT USING (speaker() IS NULL)`,
    holes: { 'app read notes': [/FROM public\.notes/, select] },
    mended: 'DROP POLICY jobs ON notes',
  },
  {
    name: 'that takes a blank setting, as a pool leaves it, for any tenant',
    sql: `CREATE POLICY begins ON notes FOR SELECT USING (tenant_id::text LIKE current_setting('app.tenant', true) || '%')`,
    holes: { 'app read notes': [/FROM public\.notes/, select] },
    mended: 'DROP POLICY begins ON notes',
  },
  {
    name: 'whose tenant is said to be immutable, so that a kept plan holds the one before',
    sql: `CREATE FUNCTION frozen() RETURNS uuid LANGUAGE plpgsql IMMUTABLE SET search_path = '' AS
        $$ BEGIN RETURN nullif(current_setting('app.tenant', true), '')::uuid; END $$;
      DROP POLICY own ON notes; CREATE POLICY own ON notes USING (tenant_id = frozen())`,
    holes: { 'app read notes': [/^PREPARE q AS .*EXECUTE q as oneself$/, /ALTER FUNCTION frozen\(\) STABLE/] },
    mended: 'ALTER FUNCTION frozen() STABLE',
  },
  {
    name: 'whose policy asks a function that tells of the row in an error',
    sql: `CREATE FUNCTION mine(t uuid, body text) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = '' AS
        $$ BEGIN IF t IS DISTINCT FROM public.tenant() THEN RAISE EXCEPTION 'not yours: %', body; END IF; RETURN true; END $$;
      CREATE TABLE diary (tenant_id uuid NOT NULL, body text NOT NULL); ${guard('diary', 'mine(tenant_id, body)')}
      REVOKE INSERT, UPDATE, DELETE ON diary FROM app`,
    holes: { 'app read diary': [/FROM public\.diary/, select] },
    mended: 'ALTER POLICY own ON diary USING (tenant_id = tenant()) WITH CHECK (tenant_id = tenant())',
  },
  {
    name: 'whose policy asks a function that tells of the row in a notice',
    sql: `CREATE FUNCTION mine(t uuid, body text) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = '' AS
        $$ BEGIN RAISE DEBUG 'looked at %', body; RETURN t = public.tenant(); END $$;
      CREATE TABLE diary (tenant_id uuid NOT NULL, body text NOT NULL); ${guard('diary', 'mine(tenant_id, body)')}
      REVOKE INSERT, UPDATE, DELETE ON diary FROM app`,
    holes: { 'app read diary': [/FROM public\.diary/, select] },
    mended: 'ALTER POLICY own ON diary USING (tenant_id = tenant()) WITH CHECK (tenant_id = tenant())',
  },
  {
    name: 'whose policy asks a table that a temporary one can stand before',
    sql: `CREATE TABLE members (tenant_id uuid NOT NULL, of uuid NOT NULL); ${guard('members')}
      REVOKE INSERT, UPDATE, DELETE ON members FROM app;
      CREATE FUNCTION belongs(t uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS
        $$ BEGIN RETURN EXISTS (SELECT FROM members WHERE tenant_id = t AND of = public.tenant()); END $$;
      CREATE POLICY member ON notes FOR SELECT USING (belongs(tenant_id)); GRANT TEMPORARY ON DATABASE shop TO app`,
    holes: { 'app search-path belongs': [/finds first; SELECT FROM public\.notes/, /SET search_path = ''/] },
    mended: `CREATE OR REPLACE FUNCTION belongs(t uuid) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = '' AS
        $$ BEGIN RETURN EXISTS (SELECT FROM public.members WHERE tenant_id = t AND of = public.tenant()); END $$`,
  },
]

/** Tables, partitions and roles that row security does not bind. */
const unbound: readonly Leak[] = [
  {
    name: 'with a table without row security',
    sql: 'ALTER TABLE lines DISABLE ROW LEVEL SECURITY',
    holes: {
      'shop_owner unguarded lines': [/relrowsecurity/, /ENABLE ROW LEVEL SECURITY/],
      'app read lines': [/FROM public\.lines/, select],
      'app change lines': [/^UPDATE/, /FOR UPDATE/],
      'app delete lines': [/^DELETE/, /FOR DELETE/],
      'app insert lines': [/^INSERT/, /FOR INSERT/],
      'app move lines': [/SET tenant_id/, /WITH CHECK/],
    },
    mended: 'ALTER TABLE lines ENABLE ROW LEVEL SECURITY',
  },
  {
    name: 'with a copy of a table that was forgotten',
    sql: 'CREATE TABLE notes_before AS TABLE notes; GRANT SELECT ON notes_before TO app',
    holes: {
      'shop_owner unguarded notes_before': [/relrowsecurity/, /ENABLE ROW LEVEL SECURITY/],
      'app read notes_before': [/FROM public\.notes_before/, select],
    },
    mended: 'DROP TABLE notes_before',
  },
  {
    name: 'with a partition without row security',
    sql: `CREATE TABLE readings (tenant_id uuid NOT NULL, at date NOT NULL, value int) PARTITION BY RANGE (at); ${guard('readings')}
      CREATE TABLE readings_june PARTITION OF readings FOR VALUES FROM ('2026-06-01') TO ('2026-07-01')`,
    holes: { 'shop_owner unguarded readings_june': [/readings_june/, /ENABLE ROW LEVEL SECURITY/] },
    mended: 'ALTER TABLE readings_june ENABLE ROW LEVEL SECURITY',
  },
  {
    name: 'with a partition that may be asked past the policy of its table',
    sql: `CREATE TABLE readings (tenant_id uuid NOT NULL, at date NOT NULL, value int) PARTITION BY RANGE (at); ${guard('readings')}
      CREATE TABLE readings_june PARTITION OF readings FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
      ALTER TABLE readings_june ENABLE ROW LEVEL SECURITY; CREATE POLICY all_of ON readings_june FOR SELECT USING (true);
      GRANT SELECT ON readings_june TO app`,
    holes: { 'app read readings_june': [/FROM public\.readings_june/, select] },
    mended: 'REVOKE SELECT ON readings_june FROM app',
  },
  {
    name: 'with a table that inherits columns and no policy',
    sql: 'CREATE TABLE old_notes () INHERITS (notes); GRANT SELECT ON old_notes TO app',
    holes: {
      'shop_owner unguarded old_notes': [/old_notes/, /ENABLE ROW LEVEL SECURITY/],
      'app read old_notes': [/FROM public\.old_notes/, select],
    },
    mended: 'ALTER TABLE old_notes ENABLE ROW LEVEL SECURITY',
  },
  {
    name: 'whose default privileges open what is made next',
    sql: 'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO app',
    holes: {
      'app unguarded public': [/CREATE TABLE public\.x .* INSERT, SELECT|SELECT, INSERT/, /ALTER DEFAULT PRIVILEGES/],
    },
    mended: 'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM app',
  },
  {
    name: 'that serves a role past row security',
    sql: `${asSuperuser} ALTER ROLE app BYPASSRLS ${asOwner}`,
    holes: {
      'app bypass app': [/rolbypassrls/, /NOBYPASSRLS/],
      'app read tenants': [/FROM public\.tenants/, select],
      'app read notes': [/FROM public\.notes/, select],
      'app change notes': [/^UPDATE/, /FOR UPDATE/],
      'app delete notes': [/^DELETE/, /FOR DELETE/],
      'app insert notes': [/^INSERT/, /FOR INSERT/],
      'app move notes': [/SET tenant_id/, /WITH CHECK/],
      'app read lines': [/FROM public\.lines/, select],
      'app change lines': [/^UPDATE/, /FOR UPDATE/],
      'app delete lines': [/^DELETE/, /FOR DELETE/],
      'app insert lines': [/^INSERT/, /FOR INSERT/],
      'app move lines': [/SET tenant_id/, /WITH CHECK/],
    },
    mended: `${asSuperuser} ALTER ROLE app NOBYPASSRLS`,
  },
  {
    name: 'that serves a role that may stream the server',
    sql: `${asSuperuser} ALTER ROLE app REPLICATION ${asOwner}`,
    holes: { 'app bypass app': [/rolreplication/, /NOREPLICATION/] },
    mended: `${asSuperuser} ALTER ROLE app NOREPLICATION`,
  },
  {
    name: "that serves a role that reads the server's files",
    sql: `${asSuperuser} GRANT pg_read_server_files TO app ${asOwner}`,
    holes: { 'app bypass pg_read_server_files': [/pg_has_role/, /REVOKE pg_read_server_files/] },
    mended: `${asSuperuser} REVOKE pg_read_server_files FROM app`,
  },
  {
    name: 'whose role may become one that sees all',
    sql: `GRANT SELECT ON notes TO vip; CREATE POLICY vip ON notes FOR SELECT TO vip USING (true) ${asSuperuser} GRANT vip TO app WITH INHERIT FALSE`,
    holes: { 'vip read notes': [/FROM public\.notes/, select] },
    mended: `${asSuperuser} REVOKE vip FROM app`,
  },
  {
    name: 'whose role may give itself one that sees all',
    sql: `GRANT SELECT ON notes TO vip; CREATE POLICY vip ON notes FOR SELECT TO vip USING (true) ${asSuperuser}
      GRANT vip TO app WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
    holes: { 'vip read notes': [/FROM public\.notes/, select] },
    mended: `${asSuperuser} REVOKE vip FROM app`,
  },
]

/** Functions and views that see more than who asks them. */
const passages: readonly Leak[] = [
  {
    name: 'with a function that reads past row security',
    sql: archived(
      `CREATE FUNCTION note_body(p_id uuid) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = '' AS
        $$ SELECT body FROM public.notes WHERE id = p_id $$`,
      'FUNCTION',
      'note_body',
    ),
    holes: { 'app function note_body': [/note_body\(uuid\) with ids/, /SECURITY INVOKER/] },
    mended: `${asSuperuser} ALTER FUNCTION note_body SECURITY INVOKER`,
  },
  {
    name: 'with a function that writes past row security',
    sql: archived(
      `CREATE FUNCTION shorten() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$ UPDATE public.notes SET size = 3 $$`,
      'FUNCTION',
      'shorten',
    ),
    holes: { 'app function shorten': [/shorten\(\)/, /SECURITY INVOKER/] },
    mended: `${asSuperuser} ALTER FUNCTION shorten SECURITY INVOKER`,
  },
  {
    name: 'with a procedure that writes past row security',
    sql: archived(
      `CREATE PROCEDURE shorten() LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$ UPDATE public.notes SET size = 3 $$`,
      'FUNCTION',
      'shorten',
    ).replace('ALTER FUNCTION', 'ALTER PROCEDURE'),
    holes: { 'app function shorten': [/shorten\(\)/, /SECURITY INVOKER/] },
    mended: `${asSuperuser} ALTER PROCEDURE shorten SECURITY INVOKER`,
  },
  {
    name: 'with a function that believes whom it is told',
    sql: archived(
      `CREATE FUNCTION notes_of(p_tenant uuid) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = '' AS
        $$ SELECT count(*) FROM public.notes WHERE tenant_id = p_tenant $$`,
      'FUNCTION',
      'notes_of',
    ),
    holes: { 'app identity notes_of': [/with the name of another/, /comparison with the tenant/] },
    mended: `${asSuperuser} REVOKE EXECUTE ON FUNCTION notes_of FROM PUBLIC`,
  },
  {
    name: 'with a function that takes any number of ids',
    sql: archived(
      `CREATE FUNCTION bodies(VARIADIC p_body text[]) RETURNS SETOF uuid LANGUAGE sql SECURITY DEFINER SET search_path = '' AS
        $$ SELECT id FROM public.notes WHERE body = ANY (p_body) $$`,
      'FUNCTION',
      'bodies',
    ),
    holes: { 'app function bodies': [/bodies\(text\[\]\)/, /SECURITY INVOKER/] },
    mended: `${asSuperuser} ALTER FUNCTION bodies SECURITY INVOKER`,
  },
  {
    name: 'with a function that gives back a cursor',
    sql: archived(
      `CREATE FUNCTION open_notes() RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
        $$ DECLARE c refcursor := 'all_notes'; BEGIN OPEN c FOR SELECT body FROM public.notes; RETURN c; END $$`,
      'FUNCTION',
      'open_notes',
    ),
    holes: { 'app function open_notes': [/open_notes\(\)/, /SECURITY INVOKER/] },
    mended: `${asSuperuser} ALTER FUNCTION open_notes SECURITY INVOKER`,
  },
  {
    name: 'with a function that puts a statement together from what it is told',
    sql: archived(
      `CREATE FUNCTION find(p_word text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ BEGIN RETURN QUERY
        EXECUTE format('SELECT body FROM public.notes WHERE tenant_id = %L AND body LIKE ''%%%s%%''', public.tenant(), p_word); END $$`,
      'FUNCTION',
      'find',
    ),
    holes: { 'app function find': [/text that ends the statement/, /USING, or format with %L/] },
    mended: `${asSuperuser} CREATE OR REPLACE FUNCTION find(p_word text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
      $$ BEGIN RETURN QUERY EXECUTE 'SELECT body FROM public.notes WHERE tenant_id = $1 AND body LIKE $2' USING public.tenant(), '%' || p_word || '%'; END $$`,
  },
  {
    name: 'with a function that says falsely that it tells nothing',
    sql: `${asSuperuser} CREATE FUNCTION digits(body text) RETURNS int LANGUAGE plpgsql IMMUTABLE LEAKPROOF COST 1 SET search_path = '' AS
      $$ BEGIN RETURN body::int; EXCEPTION WHEN OTHERS THEN RAISE EXCEPTION 'no digits: %', body; END $$ ${asOwner}`,
    holes: { 'app function digits': [/WHERE public\.digits\("word"\) IS NOT NULL/, /NOT LEAKPROOF/] },
    mended: `${asSuperuser} ALTER FUNCTION digits NOT LEAKPROOF`,
  },
  {
    name: "whose function looks names up by the caller's search_path",
    sql: `CREATE FUNCTION one() RETURNS int LANGUAGE sql SECURITY DEFINER AS $$ SELECT 1 $$; CREATE SCHEMA play; GRANT USAGE, CREATE ON SCHEMA play TO app`,
    holes: { 'app search-path one': [/SET search_path/, /ALTER FUNCTION one\(\) SET search_path = ''/] },
    mended: `ALTER FUNCTION one() SET search_path = ''`,
  },
  {
    name: 'with a view that runs as its owner',
    sql:
      archived('CREATE VIEW totals AS SELECT count(*) AS notes FROM notes', 'VIEW', 'totals') +
      asSuperuser +
      'GRANT SELECT ON totals TO app',
    holes: { 'app read totals': [/FROM public\.totals/, /security_invoker = true/] },
    mended: `${asSuperuser} ALTER VIEW totals SET (security_invoker = true)`,
  },
  {
    name: 'with a view that was kept as its owner saw it',
    sql:
      archived('CREATE MATERIALIZED VIEW sizes AS SELECT size FROM notes', 'MATERIALIZED VIEW', 'sizes') +
      asSuperuser +
      'GRANT SELECT ON sizes TO app',
    holes: { 'app read sizes': [/FROM public\.sizes/, /no grant on it/] },
    mended: `${asSuperuser} REVOKE SELECT ON sizes FROM app`,
  },
  {
    name: 'with a view that is no barrier before a function of the caller',
    sql:
      archived('CREATE VIEW my_notes AS SELECT body, size FROM notes WHERE tenant_id = tenant()', 'VIEW', 'my_notes') +
      asSuperuser +
      'GRANT SELECT ON my_notes TO app; GRANT TEMPORARY ON DATABASE shop TO app',
    holes: { 'app read my_notes': [/spy\(body\), a function of one's own with COST/, /security_barrier = true/] },
    mended: `${asSuperuser} ALTER VIEW my_notes SET (security_barrier = true)`,
  },
  {
    name: 'with a view that lets out of it what it would not show',
    sql:
      archived(
        'CREATE VIEW my_notes WITH (security_barrier = true) AS SELECT * FROM notes WHERE tenant_id = tenant()',
        'VIEW',
        'my_notes',
      ) +
      asSuperuser +
      'GRANT SELECT, INSERT, UPDATE ON my_notes TO app',
    holes: {
      'app insert my_notes': [/^INSERT INTO public\.my_notes/, /check_option = cascaded/],
      'app change my_notes': [/ON CONFLICT .* DO UPDATE$/, /check_option = cascaded/],
      'app move my_notes': [/^UPDATE public\.my_notes SET tenant_id/, /check_option = cascaded/],
    },
    mended: `${asSuperuser} ALTER VIEW my_notes SET (check_option = cascaded)`,
  },
  {
    name: 'with a view through which anything is deleted',
    sql:
      `GRANT DELETE ON lines TO archivist;` +
      archived('CREATE VIEW bin AS SELECT word FROM lines', 'VIEW', 'bin') +
      asSuperuser +
      'GRANT DELETE ON bin TO app',
    holes: { 'app delete bin': [/^DELETE FROM public\.bin/, /no grant/] },
    mended: `${asSuperuser} REVOKE DELETE ON bin FROM app`,
  },
]

/** What constraints, sequences, triggers and grants tell or do. */
const besides: readonly Leak[] = [
  {
    name: 'with a value unique over all tenants',
    sql: 'ALTER TABLE notes ADD UNIQUE (body)',
    holes: {
      'app unique notes': [
        /^INSERT INTO public\.notes with body/,
        /unique index over the tenant as well: \(tenant_id, body\)/,
      ],
    },
    mended: 'ALTER TABLE notes DROP CONSTRAINT notes_body_key, ADD UNIQUE (tenant_id, body)',
  },
  {
    name: 'with an expression unique over all tenants',
    sql: 'CREATE UNIQUE INDEX lower_body ON notes (lower(body))',
    holes: { 'app unique notes': [/\(lower_body\)/, /\(tenant_id, body\)/] },
    mended: 'DROP INDEX lower_body; CREATE UNIQUE INDEX lower_body ON notes (tenant_id, lower(body))',
  },
  {
    name: 'with a unique value that may only be changed',
    sql: 'ALTER TABLE notes ADD UNIQUE (body); REVOKE INSERT ON notes FROM app',
    holes: { 'app unique notes': [/^UPDATE public\.notes SET body/, /\(tenant_id, body\)/] },
    mended: 'ALTER TABLE notes DROP CONSTRAINT notes_body_key',
  },
  {
    name: 'with times that exclude each other over all tenants',
    sql: `CREATE TABLE visits (tenant_id uuid NOT NULL, during tsrange NOT NULL, CONSTRAINT alone EXCLUDE USING gist (during WITH &&)); ${guard('visits')}`,
    holes: { 'app unique visits': [/\(alone\)/, /\(tenant_id, during\)/] },
    mended: 'ALTER TABLE visits DROP CONSTRAINT alone',
  },
  {
    name: 'with a reference without the tenant',
    sql: `ALTER TABLE notes ADD UNIQUE (id); CREATE TABLE tags (tenant_id uuid NOT NULL, note uuid REFERENCES notes (id)); ${guard('tags')}`,
    holes: { 'app reference tags': [/^INSERT INTO public\.tags with note/, /\(tenant_id, note\)/] },
    mended:
      'ALTER TABLE tags DROP CONSTRAINT tags_note_fkey, ADD FOREIGN KEY (tenant_id, note) REFERENCES notes (tenant_id, id)',
  },
  {
    name: 'with a reference that may only be changed',
    sql: `ALTER TABLE notes ADD UNIQUE (id); CREATE TABLE tags (tenant_id uuid NOT NULL, note uuid REFERENCES notes (id)); ${guard('tags')}
      REVOKE INSERT ON tags FROM app`,
    holes: { 'app reference tags': [/^UPDATE public\.tags SET note/, /\(tenant_id, note\)/] },
    mended: 'ALTER TABLE tags DROP CONSTRAINT tags_note_fkey',
  },
  {
    name: 'whose rows refer to each other without the tenant',
    sql: `ALTER TABLE notes ADD UNIQUE (id), ADD COLUMN answers uuid REFERENCES notes (id)`,
    holes: { 'app reference notes': [/with answers/, /\(tenant_id, answers\)/] },
    mended: 'ALTER TABLE notes DROP COLUMN answers',
  },
  {
    name: 'where a table may be emptied',
    sql: 'GRANT TRUNCATE ON lines TO app',
    holes: { 'app truncate lines': [/^TRUNCATE public\.lines/, /REVOKE TRUNCATE ON public\.lines FROM app/] },
    mended: 'REVOKE TRUNCATE ON lines FROM app',
  },
  {
    name: 'where a table may be emptied that others still refer to',
    sql: 'GRANT TRUNCATE ON notes TO app',
    holes: { 'app truncate notes': [/^TRUNCATE public\.notes/, /REVOKE TRUNCATE ON public\.notes FROM app/] },
    mended: 'REVOKE TRUNCATE ON notes FROM app',
  },
  {
    name: 'where a table may be referred to from outside',
    sql: 'GRANT REFERENCES ON notes TO app; CREATE SCHEMA play; GRANT USAGE, CREATE ON SCHEMA play TO app',
    holes: { 'app reference notes': [/REFERENCES public\.notes/, /REVOKE REFERENCES ON public\.notes FROM app/] },
    mended: 'REVOKE REFERENCES ON notes FROM app',
  },
  {
    name: 'where a trigger may be hung on a table',
    sql: 'GRANT TRIGGER ON notes TO app',
    holes: { 'app trigger notes': [/^CREATE TRIGGER/, /REVOKE TRIGGER ON public\.notes FROM app/] },
    mended: 'REVOKE TRIGGER ON notes FROM app',
  },
  {
    name: 'with a sequence that may be read',
    sql: 'CREATE SEQUENCE numbers; GRANT SELECT ON SEQUENCE numbers TO app',
    holes: { 'app sequence numbers': [/^SELECT last_value/, /REVOKE SELECT ON SEQUENCE/] },
    mended: 'REVOKE SELECT ON SEQUENCE numbers FROM app',
  },
  {
    name: 'with numbers that all tenants draw from',
    sql: 'ALTER TABLE notes ADD COLUMN number serial; GRANT USAGE ON SEQUENCE notes_number_seq TO app',
    holes: { 'app sequence notes_number_seq': [/nextval/, /an identity column/] },
    mended: `ALTER TABLE notes ALTER COLUMN number DROP DEFAULT; DROP SEQUENCE notes_number_seq; ALTER TABLE notes ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY`,
  },
  {
    name: 'with a trigger that numbers over all tenants',
    sql:
      'ALTER TABLE notes ADD COLUMN number bigint; REVOKE INSERT, UPDATE ON notes FROM app; GRANT INSERT (tenant_id, id, body, size) ON notes TO app;' +
      archived(
        `CREATE FUNCTION number_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
          $$ BEGIN SELECT count(*) + 1 INTO new.number FROM public.notes; RETURN new; END $$`,
        'FUNCTION',
        'number_note',
      ) +
      'CREATE TRIGGER number_note BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION number_note()',
    holes: { 'app read notes': [/RETURNING what was filled in/, /triggers and defaults/] },
    mended: 'DROP TRIGGER number_note ON notes',
  },
  {
    name: 'with a trigger that changes what is of others',
    sql: `${archived(
      `CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
          $$ BEGIN UPDATE public.notes SET size = 4; RETURN NULL; END $$`,
      'FUNCTION',
      'touch',
    )}CREATE TRIGGER touch AFTER INSERT ON lines FOR EACH ROW EXECUTE FUNCTION touch()`,
    holes: { 'app change lines': [/what is one's own/, /triggers and defaults/] },
    mended: 'DROP TRIGGER touch ON lines',
  },
  {
    name: 'with a shared list whose rows take those of tenants with them',
    sql: `CREATE TABLE kinds (name text PRIMARY KEY); ${guard('kinds', 'true')} REVOKE INSERT, UPDATE ON kinds FROM app;
      ALTER TABLE notes ADD COLUMN kind text REFERENCES kinds ON DELETE CASCADE;
      ALTER TABLE lines DROP CONSTRAINT lines_tenant_id_note_id_fkey,
        ADD FOREIGN KEY (tenant_id, note_id) REFERENCES notes (tenant_id, id) ON DELETE CASCADE`,
    holes: { 'app delete kinds': [/^DELETE FROM public\.kinds/, /ON DELETE RESTRICT in notes/] },
    mended: 'REVOKE DELETE ON kinds FROM app',
  },
]

export const leaking: readonly Leak[] = [...policies, ...unbound, ...passages, ...besides]
