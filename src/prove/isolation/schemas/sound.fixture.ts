import { archived, asSuperuser, type Case, guard } from './case.fixture.ts'

/** Schemas that keep tenants apart, each near to one that does not. */
export const sound: readonly Case[] = [
  { name: 'of the shop itself', sql: '' },
  {
    name: 'whose second policy restricts the first',
    sql: 'CREATE POLICY short ON notes AS RESTRICTIVE USING (size < 9)',
  },
  {
    name: 'with a view that asks as who asks it',
    sql: 'CREATE VIEW totals WITH (security_invoker = true) AS SELECT count(*) AS notes FROM notes; GRANT SELECT ON totals TO app',
  },
  {
    name: 'with a view that is a barrier, checks what goes through it, and stands before a function of the caller',
    sql:
      archived(
        `CREATE VIEW my_notes WITH (security_barrier = true, check_option = cascaded) AS SELECT * FROM notes WHERE tenant_id = tenant()`,
        'VIEW',
        'my_notes',
      ) +
      asSuperuser +
      'GRANT SELECT, INSERT, UPDATE, DELETE ON my_notes TO app; GRANT DELETE ON notes TO archivist; GRANT TEMPORARY ON DATABASE shop TO app',
  },
  {
    name: 'with a function past row security that compares the tenant itself',
    sql: archived(
      `CREATE FUNCTION note_body(p_id uuid, p_tenant uuid) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = '' AS
        $$ SELECT body FROM public.notes WHERE id = p_id AND tenant_id = p_tenant AND tenant_id = public.tenant() $$`,
      'FUNCTION',
      'note_body',
    ),
  },
  {
    name: 'with a function that puts statements together and quotes what it is told',
    sql: archived(
      `CREATE FUNCTION find(p_word text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ BEGIN RETURN QUERY
        EXECUTE format('SELECT body FROM public.notes WHERE tenant_id = %L AND body LIKE %L', public.tenant(), '%' || p_word || '%'); END $$`,
      'FUNCTION',
      'find',
    ),
  },
  {
    name: 'with a function that rightly says that it tells nothing',
    sql: `${asSuperuser} CREATE FUNCTION blank(body text) RETURNS boolean LANGUAGE sql IMMUTABLE LEAKPROOF AS $$ SELECT body = '' $$`,
  },
  {
    name: 'of rows that belong to whom the row they refer to does',
    sql: `CREATE TABLE marks (tenant_id uuid NOT NULL, note_id uuid NOT NULL, colour text NOT NULL CHECK (colour IN ('red', 'blue')),
        FOREIGN KEY (tenant_id, note_id) REFERENCES notes (tenant_id, id), UNIQUE (tenant_id, note_id, colour));
      ${guard('marks', 'EXISTS (SELECT FROM notes n WHERE n.tenant_id = marks.tenant_id AND n.id = marks.note_id)')}`,
  },
  {
    name: 'with a table that nobody is let into',
    sql: 'CREATE TABLE secrets (tenant_id uuid NOT NULL, value bytea NOT NULL); ALTER TABLE secrets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; GRANT ALL ON secrets TO app; REVOKE TRUNCATE, REFERENCES, TRIGGER ON secrets FROM app',
  },
  {
    name: 'with partitions that have the policy of their table',
    sql: `CREATE TABLE readings (tenant_id uuid NOT NULL, at timestamptz NOT NULL, value numeric(12,3), PRIMARY KEY (tenant_id, at)) PARTITION BY RANGE (at);
      CREATE TABLE readings_june PARTITION OF readings FOR VALUES FROM ('2026-06-01') TO ('2026-07-01'); ${guard('readings')} ${guard('readings_june')}`,
  },
  {
    name: 'with numbers of the server and values unique to a tenant',
    sql: `ALTER TABLE notes ADD COLUMN number int GENERATED ALWAYS AS IDENTITY; CREATE UNIQUE INDEX ON notes (tenant_id, lower(body))`,
  },
  {
    name: 'with a shared list that nobody changes',
    sql: `CREATE TABLE kinds (name text PRIMARY KEY); ${guard('kinds', 'true')} REVOKE INSERT, UPDATE, DELETE ON kinds FROM app;
      ALTER TABLE notes ADD COLUMN kind text REFERENCES kinds ON DELETE CASCADE`,
  },
  {
    name: 'with a trigger that numbers for one tenant',
    sql:
      'ALTER TABLE notes ADD COLUMN number bigint;' +
      archived(
        `CREATE FUNCTION number_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
          $$ BEGIN SELECT count(*) + 1 INTO new.number FROM public.notes n WHERE n.tenant_id = new.tenant_id; RETURN new; END $$`,
        'FUNCTION',
        'number_note',
      ) +
      'CREATE TRIGGER number_note BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION number_note()',
  },
  {
    name: 'whose members are looked up past row security by a function with a search_path of its own',
    sql: `CREATE TABLE members (tenant_id uuid NOT NULL, of uuid NOT NULL); ${guard('members')} GRANT SELECT ON members TO archivist;
      REVOKE INSERT, UPDATE, DELETE ON members FROM app; ${archived(
        `CREATE FUNCTION belongs(t uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
          $$ SELECT EXISTS (SELECT FROM public.members WHERE tenant_id = t AND of = public.tenant() AND tenant_id = of) $$`,
        'FUNCTION',
        'belongs',
      )} REVOKE EXECUTE ON FUNCTION belongs FROM PUBLIC; GRANT EXECUTE ON FUNCTION belongs TO app;
      CREATE POLICY member ON notes FOR SELECT USING (belongs(tenant_id)); GRANT TEMPORARY ON DATABASE shop TO app`,
  },
  {
    name: 'whose role has another without leave to become it',
    sql: `${asSuperuser} GRANT vip TO app WITH INHERIT FALSE, SET FALSE; GRANT SELECT ON notes TO vip; CREATE POLICY vip ON notes FOR SELECT TO vip USING (true)`,
  },
]
