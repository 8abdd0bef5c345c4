import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { withClient } from '../../postgres/connection.ts'
import { type Database, type Databases, makeDatabases } from './databases.fixture.ts'
import { mergeTable } from './merge-table.ts'
import { readDefinition } from './table-definition.ts'

let databases: Databases
before(async () => {
  databases = await makeDatabases()
})
after(() => databases.remove())

const schema = `
CREATE DOMAIN public.short AS text CHECK (length(value) < 50);
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.changed := now(); RETURN new; END $$;
CREATE TABLE public.owner (id int PRIMARY KEY, name text);
CREATE TABLE public.thing (
  id bigint GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 10) PRIMARY KEY,
  serial serial, owner int NOT NULL, parent bigint, name public.short COLLATE "C" DEFAULT 'new' NOT NULL,
  twice int GENERATED ALWAYS AS (serial * 2) STORED, blob bytea, changed timestamptz, tags text[] DEFAULT '{}',
  CONSTRAINT positive CHECK (serial > 0) , CONSTRAINT "odd name" UNIQUE (owner, serial) DEFERRABLE INITIALLY DEFERRED
) WITH (fillfactor = 70);
ALTER TABLE public.thing ADD FOREIGN KEY (owner) REFERENCES public.owner ON DELETE CASCADE;
ALTER TABLE public.thing ADD FOREIGN KEY (parent) REFERENCES public.thing;
ALTER TABLE public.thing ALTER blob SET STORAGE EXTERNAL, ALTER owner SET STATISTICS 500;
CREATE INDEX thing_name ON public.thing (lower(name)) WHERE parent IS NULL;
CREATE TRIGGER touch BEFORE UPDATE ON public.thing FOR EACH ROW WHEN (old.name IS DISTINCT FROM new.name) EXECUTE FUNCTION public.touch();
ALTER TABLE public.thing DISABLE TRIGGER touch;
ALTER TABLE public.thing ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.thing FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON public.thing FOR SELECT TO reader USING (owner = 1);
CREATE POLICY write ON public.thing AS RESTRICTIVE FOR INSERT WITH CHECK (serial > 0);
GRANT SELECT, UPDATE (name) ON public.thing TO reader;
GRANT INSERT ON public.thing TO PUBLIC;
COMMENT ON TABLE public.thing IS 'it''s a thing';
COMMENT ON COLUMN public.thing.name IS 'its name';
COMMENT ON INDEX public.thing_name IS 'of roots';
COMMENT ON POLICY own ON public.thing IS 'mine';
CREATE TABLE public.mention (thing bigint REFERENCES public.thing ON DELETE SET NULL, at date);
CREATE TABLE public.secret (n int);
ALTER TABLE public.secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_thing ON public.secret TO reader USING (n IN (SELECT owner FROM public.thing));
CREATE VIEW public.names AS SELECT name FROM public.thing;
ALTER TABLE public.thing NO FORCE ROW LEVEL SECURITY;
INSERT INTO public.owner VALUES (1, 'one'), (2, 'two'), (3, 'three');
INSERT INTO public.thing (owner, parent, name, blob) VALUES (1, NULL, 'a', '\\x00'), (2, 10, 'b', NULL), (3, NULL, 'c', ''), (1, 30, 'd', NULL), (1, 40, 'e', NULL);
INSERT INTO public.mention VALUES (10, '2026-01-01'), (20, '2026-01-02');
ALTER TABLE public.thing FORCE ROW LEVEL SECURITY;`

async function pair(): Promise<{ source: Database; target: Database }> {
  const source = await databases.create()
  await withClient(source.admin, (client) =>
    client.query(`DO $$ BEGIN CREATE ROLE reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$`),
  )
  await source.run(schema)
  return { source, target: await databases.create(source) }
}

const definition = (database: Database) =>
  withClient(database.admin, (client) => readDefinition(client, 'public.thing'))

test('a dropped table comes back whole, and what was written elsewhere meanwhile stays', async () => {
  const { source, target } = await pair()
  await target.run(`DROP TABLE public.thing CASCADE; INSERT INTO public.owner VALUES (4, 'later');
    INSERT INTO public.mention VALUES (NULL, '2026-06-06')`)
  const report = await mergeTable({ from: source.admin, into: target.owner, table: 'thing' })
  assert.deepEqual(
    [report.rows, report.unmerged, report.referring, report.missing],
    [5, 0, [{ table: 'public.mention', key: 'mention_thing_fkey', unfit: 0 }], ['view public.names']],
  )
  const things = 'SELECT t::text FROM public.thing t ORDER BY id'
  assert.deepEqual(await target.rows(things), await source.rows(things))
  assert.deepEqual(await definition(target), await definition(source))
  const keys = `SELECT conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY 1`
  assert.deepEqual(await target.rows(keys), await source.rows(keys))
  const policies = 'SELECT * FROM pg_policies ORDER BY tablename, policyname'
  assert.deepEqual(await target.rows(policies), await source.rows(policies))
  assert.deepEqual(await target.rows('SELECT name FROM public.owner WHERE id = 4'), [{ name: 'later' }])
  assert.deepEqual(await target.rows(`SELECT nextval('public.thing_id_seq')::int AS next`), [{ next: 60 }])
  assert.deepEqual(await target.rows(`SELECT to_regclass('public.thing_unmerged') AS none`), [{ none: null }])
})

test('rows whose parents went meanwhile are set aside with those that hang on them, and counted', async () => {
  const { source, target } = await pair()
  await target.run(`DROP TABLE public.thing CASCADE; DELETE FROM public.owner WHERE id = 3`)
  const report = await mergeTable({ from: source.admin, into: target.owner, table: 'public.thing' })
  assert.deepEqual([report.rows, report.unmerged, report.unmergedTable], [2, 3, 'public.thing_unmerged'])
  assert.deepEqual(await target.rows('SELECT id::int FROM public.thing ORDER BY id'), [{ id: 10 }, { id: 20 }])
  assert.deepEqual(await target.rows('SELECT id::int FROM public.thing_unmerged ORDER BY id'), [
    { id: 30 },
    { id: 40 },
    { id: 50 },
  ])
  const keys = `SELECT conname, convalidated FROM pg_constraint WHERE contype = 'f' AND NOT convalidated`
  assert.deepEqual(await target.rows(keys), [])
})

test('a key that rows written meanwhile do not fit is back for new rows, and said', async () => {
  const { source, target } = await pair()
  await target.run(`DROP TABLE public.thing CASCADE; INSERT INTO public.mention VALUES (999, '2026-06-06')`)
  const { referring } = await mergeTable({ from: source.admin, into: target.owner, table: 'thing' })
  assert.deepEqual(referring, [{ table: 'public.mention', key: 'mention_thing_fkey', unfit: 1 }])
  await assert.rejects(target.run(`INSERT INTO public.mention VALUES (998, '2026-06-06')`), /mention_thing_fkey/)
})

test('what cannot be made again, what is there already and what fails afterwards change nothing', async () => {
  const { source, target } = await pair()
  const merge = (after: string[] = []) => mergeTable({ from: source.admin, into: target.owner, table: 'thing', after })
  await assert.rejects(merge(), { code: 'MERGE_TABLE_THERE' })
  await target.run('DROP TABLE public.thing CASCADE; DROP FUNCTION public.touch')
  await assert.rejects(merge(), { code: 'MERGE_REFUSED', message: /touch/ })
  await target.run(`CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$`)
  await assert.rejects(merge(['SELECT nothing_of_that_name()']), { code: 'MERGE_REFUSED' })
  assert.equal(await definition(target), undefined)
  await source.run('CREATE RULE odd AS ON DELETE TO public.thing DO INSTEAD NOTHING')
  await assert.rejects(merge(), { code: 'MERGE_UNSUPPORTED', message: /its rules/ })
})
