import { archived, asSuperuser, guard, type Odd } from './case.fixture.ts'

/** Schemas as they are found in the world. */
export const odd: readonly Odd[] = [
  {
    name: 'whose tables refer to each other in a ring',
    sql: `CREATE TABLE eggs (tenant_id uuid NOT NULL, id int NOT NULL, hen int NOT NULL, PRIMARY KEY (tenant_id, id));
      CREATE TABLE hens (tenant_id uuid NOT NULL, id int NOT NULL, egg int NOT NULL, PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, egg) REFERENCES eggs (tenant_id, id));
      ALTER TABLE eggs ADD FOREIGN KEY (tenant_id, hen) REFERENCES hens (tenant_id, id); ${guard('eggs')} ${guard('hens')}
      CREATE POLICY all_of ON hens FOR SELECT USING (true)`,
    says: { 'eggs, hens': /in a ring/ },
    holes: ['app read hens'],
  },
  {
    name: 'with a table that has no primary key',
    sql: `CREATE TABLE log (tenant_id uuid NOT NULL, line text); ${guard('log')} CREATE POLICY all_of ON log FOR DELETE USING (true)`,
    says: { log: /has no primary key/ },
    holes: ['app delete log'],
  },
  {
    name: 'with a policy that fails',
    sql: `CREATE TABLE broken (tenant_id uuid NOT NULL, size int NOT NULL CHECK (size = 0)); ${guard('broken', '1 / size > 0 AND tenant_id = tenant()')}
      CREATE POLICY all_of ON lines FOR SELECT USING (true)`,
    says: { broken: /a policy fails with SQLSTATE 22012/ },
    holes: ['app read lines'],
  },
  {
    name: 'with policies that ask each other without end',
    sql: `CREATE TABLE one (tenant_id uuid NOT NULL); CREATE TABLE next (tenant_id uuid NOT NULL);
      ${guard('one', 'EXISTS (SELECT FROM next)')} ${guard('next', 'EXISTS (SELECT FROM one)')}`,
    says: { one: /SQLSTATE 42P17/, next: /SQLSTATE 42P17/ },
  },
  {
    name: 'with a function that calls out',
    sql: `${asSuperuser} CREATE FUNCTION tell() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM dblink_connect('host=nowhere.invalid'); END $$`,
    says: { 'tell()': /calls out of the database/ },
  },
  {
    name: 'with a function that never comes back',
    sql: 'CREATE FUNCTION turn() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE query_canceled; END $$',
    says: {},
  },
  {
    name: 'with a view that runs as its owner',
    sql: archived('CREATE VIEW mine AS SELECT size FROM notes WHERE tenant_id = tenant()', 'VIEW', 'mine'),
    says: { mine: /runs as its owner, archivist/ },
  },
  {
    name: 'with a column that the server gives',
    sql: 'ALTER TABLE notes ADD COLUMN doubled int GENERATED ALWAYS AS (size * 2) STORED, ADD COLUMN number int GENERATED ALWAYS AS IDENTITY',
    says: { 'notes.doubled': /given by the server/, 'notes.number': /given by the server/ },
  },
  {
    name: 'with a type of one value',
    sql: `CREATE TYPE state AS ENUM ('only'); CREATE TABLE flags (tenant_id uuid PRIMARY KEY, state state NOT NULL); ${guard('flags')} CREATE POLICY all_of ON flags FOR SELECT USING (true)`,
    says: { 'flags.state': /type of one value/ },
    holes: ['app read flags'],
  },
  {
    name: 'with a partitioned table that has no partition',
    sql: `CREATE TABLE by_month (tenant_id uuid NOT NULL, at date NOT NULL) PARTITION BY RANGE (at); ${guard('by_month')}
      CREATE TABLE by_hash (tenant_id uuid NOT NULL) PARTITION BY HASH (tenant_id); ${guard('by_hash')} CREATE POLICY all_of ON by_hash FOR SELECT USING (true)`,
    says: { by_month: /has no partition/, by_hash: /has no partition/ },
    holes: ['app read by_hash'],
  },
  {
    name: 'with a function of any type, overloaded, and one with a default',
    sql: `CREATE FUNCTION same(x anyelement) RETURNS anyelement LANGUAGE sql AS $$ SELECT x $$;
      CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql AS $$ SELECT x * 2 $$; CREATE FUNCTION twice(x text DEFAULT 'a') RETURNS text LANGUAGE sql AS $$ SELECT x || x $$`,
    says: { 'same(anyelement)': /arguments of any type/ },
  },
  {
    name: 'with tables that are not logged, of which one refers to the other',
    sql: `CREATE UNLOGGED TABLE drafts (tenant_id uuid NOT NULL, id int NOT NULL, PRIMARY KEY (tenant_id, id)); ${guard('drafts')}
      CREATE UNLOGGED TABLE at_hand (tenant_id uuid NOT NULL, draft int, FOREIGN KEY (tenant_id, draft) REFERENCES drafts (tenant_id, id)); ${guard('at_hand')}
      CREATE POLICY all_of ON at_hand FOR DELETE USING (true)`,
    says: {},
    holes: ['app delete at_hand'],
  },
  {
    name: 'with names that must be quoted',
    sql: `CREATE SCHEMA "Odd one"; GRANT USAGE ON SCHEMA "Odd one" TO app;
      CREATE TABLE "Odd one"."select" (tenant_id uuid NOT NULL, "Größe ""x""" text NOT NULL, PRIMARY KEY (tenant_id, "Größe ""x""")); ${guard('"Odd one"."select"')}
      CREATE POLICY all_of ON "Odd one"."select" FOR SELECT USING (true)`,
    says: {},
    holes: ['app read select'],
  },
]
