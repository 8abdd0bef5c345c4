import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { withClient } from '../../postgres/connection.ts'
import { type Database, type Databases, makeDatabases } from './databases.fixture.ts'
import { extractRows, type Selection } from './extract-rows.ts'
import { type ImportOptions, importRows } from './import-rows.ts'

let databases: Databases
before(async () => {
  databases = await makeDatabases()
})
after(() => databases.remove())

const schema = `
CREATE TYPE public.mood AS ENUM ('well', 'it''s "bad"');
CREATE TABLE public.city (id serial PRIMARY KEY, name text UNIQUE);
CREATE TABLE public.person (id uuid PRIMARY KEY, city int REFERENCES public.city, boss uuid REFERENCES public.person,
  newest bigint);
CREATE TABLE public.note (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person uuid NOT NULL REFERENCES public.person ON DELETE CASCADE,
  body text, blob bytea, amount numeric, at timestamptz, tags text[], doc json, docb jsonb, felt public.mood, part interval,
  ratio float8, code char(5), size int GENERATED ALWAYS AS (octet_length(blob)) STORED,
  changed timestamptz NOT NULL DEFAULT '2026-01-01Z', UNIQUE (person, id));
ALTER TABLE public.person ADD FOREIGN KEY (id, newest) REFERENCES public.note (person, id);
CREATE TABLE public.visit (user_id uuid, at date, what text) PARTITION BY RANGE (at);
CREATE TABLE public.visit_old PARTITION OF public.visit FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
CREATE TABLE public.visit_new PARTITION OF public.visit FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
ALTER TABLE public.note ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.note FORCE ROW LEVEL SECURITY;`

const ana = '3f0c1a52-0000-4000-8000-00000000000a'
const ben = '3f0c1a52-0000-4000-8000-00000000000b'

const data = `
ALTER TABLE public.note NO FORCE ROW LEVEL SECURITY;
INSERT INTO public.city (name) VALUES ('Oaxaca'), ('Puebla');
INSERT INTO public.person VALUES ('${ben}', 1, NULL, NULL), ('${ana}', 1, '${ben}', NULL);
INSERT INTO public.note (person, body, blob, amount, at, tags, doc, docb, felt, part, ratio, code) VALUES
  ('${ana}', E'tab\\t line\\n back\\\\slash ''quote'' \\\\N', '\\x00ff5c', 1e-30, '2026-02-03 04:05:06.000001+00',
    '{a,NULL,"b,\\"c"}', '{"a" : 1, "a": 2}', '{"b": [1, null]}', 'it''s "bad"', '1 mon -2 days 00:00:00.5', 0.1, 'x'),
  ('${ana}', NULL, '', 'NaN', 'infinity', '{}', 'null', 'null', NULL, '0', '-Infinity', NULL),
  ('${ben}', 'of Ben', NULL, NULL, '-infinity', NULL, NULL, NULL, 'well', NULL, 'NaN', '');
UPDATE public.person SET newest = (SELECT max(id) FROM public.note WHERE person = person.id);
INSERT INTO public.visit VALUES ('${ana}', '2025-05-05', 'same'), ('${ana}', '2025-05-05', 'same'), ('${ana}', '2026-05-05', NULL),
  ('${ben}', '2026-05-05', NULL);
ALTER TABLE public.note FORCE ROW LEVEL SECURITY;`

const remove = `
ALTER TABLE public.note NO FORCE ROW LEVEL SECURITY;
UPDATE public.person SET newest = NULL WHERE id = '${ana}';
DELETE FROM public.note WHERE person = '${ana}';
DELETE FROM public.person WHERE id = '${ana}';
DELETE FROM public.visit WHERE user_id = '${ana}';
ALTER TABLE public.note FORCE ROW LEVEL SECURITY;`

const selection: Selection = {
  kind: 'subject',
  subject: { table: 'person', column: 'id', value: ana.toUpperCase(), tenant: 'user_id' },
}

/** Everything in it, values as text. */
async function contents(database: Database): Promise<string[]> {
  const rows = await database.rows(`
    SELECT format('city %s', t) AS line FROM public.city t UNION ALL SELECT format('person %s', t) FROM public.person t
    UNION ALL SELECT format('note %s', t) FROM public.note t UNION ALL SELECT format('%s %s', tableoid::regclass, t) FROM public.visit t
    UNION ALL SELECT format('security %s %s', relname, relforcerowsecurity) FROM pg_class WHERE relname IN ('note', 'person')
    UNION ALL SELECT format('key %s %s %s', conname, condeferrable, convalidated) FROM pg_constraint WHERE contype = 'f'
    ORDER BY 1`)
  return rows.map((row) => JSON.stringify(row))
}

async function pair(): Promise<{ source: Database; target: Database }> {
  const source = await databases.create()
  await source.run(schema + data)
  return { source, target: await databases.create(source) }
}

function bring(source: Database, target: Database, options: Omit<ImportOptions, 'url'> = {}) {
  return extractRows({ url: source.admin, selection }, (extraction) =>
    importRows(extraction, { url: target.owner, ...options }),
  )
}

test('rows that were deleted come back exactly, through cycles, partitions and forced row security', async () => {
  const { source, target } = await pair()
  const before = await contents(target)
  await target.run(remove)
  assert.notDeepEqual(await contents(target), before)
  const { tables } = await bring(source, target)
  assert.deepEqual(await contents(target), before)
  const counts = tables.map(({ table, rows, inserted, same }) => [table, rows, inserted, same])
  assert.deepEqual(counts.sort(), [
    ['public.city', 1, 0, 1],
    ['public.note', 2, 2, 0],
    ['public.person', 1, 1, 0],
    ['public.visit', 3, 3, 0],
  ])
  // A second time there is nothing to do.
  const again = await bring(source, target)
  assert.deepEqual(await contents(target), before)
  assert.ok(again.tables.every(({ inserted, replaced }) => inserted + replaced === 0))
})

test('a transaction that takes the tables in another order gets them, and neither ends the other', async () => {
  const { source, target } = await pair()
  await target.run(remove)
  const before = `${ben.slice(0, -1)}c`
  await withClient(target.owner, async (writer) => {
    await writer.query('BEGIN')
    // The last in the order of an import; the first is wanted once the import waits for this one.
    await writer.query('INSERT INTO public.visit VALUES ($1, $2)', [ben, '2026-06-06'])
    const imported = bring(source, target)
    const waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.visit'::regclass"
    const deadline = Date.now() + 20_000
    while ((await writer.query(waits)).rowCount === 0) assert.ok(Date.now() < deadline, 'the import waits')
    await writer.query('INSERT INTO public.person (id) VALUES ($1)', [before])
    await writer.query("INSERT INTO public.city (name) VALUES ('Puerto')")
    await writer.query('COMMIT')
    assert.ok((await imported).tables.some(({ inserted }) => inserted > 0))
  })
  assert.equal((await target.rows("SELECT FROM public.city WHERE name = 'Puerto'")).length, 1)
})

test('numbers given out later are not those that came back', async () => {
  const { source, target } = await pair()
  await target.run(
    `${remove} ALTER TABLE public.note ALTER COLUMN id RESTART WITH 1; SELECT setval('public.city_id_seq', 1, false)`,
  )
  await bring(source, target)
  const [row] = await target.rows(
    `SELECT nextval('public.note_id_seq')::int AS note, nextval('public.city_id_seq')::int AS city`,
  )
  assert.deepEqual(row, { note: 4, city: 3 })
})

test('a row that has other values in the target is decided by the policy, and by default stops everything', async () => {
  const { source, target } = await pair()
  await target.run(`ALTER TABLE public.note NO FORCE ROW LEVEL SECURITY; DELETE FROM public.visit WHERE user_id = '${ana}';
    UPDATE public.note SET body = 'later', changed = '2026-06-06Z' WHERE body LIKE 'tab%';
    UPDATE public.note SET body = 'earlier', changed = '2025-06-06Z' WHERE body IS NULL;
    ALTER TABLE public.note FORCE ROW LEVEL SECURITY`)
  const touched = await contents(target)
  await assert.rejects(bring(source, target), { code: 'IMPORT_CONFLICT', message: /public\.note \(2\)/ })
  assert.deepEqual(await contents(target), touched)
  const bodies = async (onConflict: ImportOptions['onConflict']) => {
    const copy = await databases.create(target)
    const report = await bring(source, copy, onConflict ? { onConflict } : {})
    const rows = await copy.rows('SELECT left(body, 7) AS body FROM public.note ORDER BY id')
    return [
      rows.map((row) => Object.values(row ?? {})[0]),
      report.tables
        .map(({ table, replaced, kept }) => [table, replaced, kept])
        .find(([name]) => name === 'public.note'),
    ]
  }
  assert.deepEqual(await bodies({ kind: 'keep-target' }), [
    ['later', 'earlier', 'of Ben'],
    ['public.note', 0, 2],
  ])
  assert.deepEqual(await bodies({ kind: 'take-backup' }), [
    ['tab\t li', null, 'of Ben'],
    ['public.note', 2, 0],
  ])
  assert.deepEqual(await bodies({ kind: 'newer', column: 'changed' }), [
    ['later', null, 'of Ben'],
    ['public.note', 1, 1],
  ])
})

test('a trigger that changes rows is told, and can be kept still', async () => {
  const { source, target } = await pair()
  const before = await contents(target)
  await target.run(`${remove}
    CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.changed := '2027-01-01Z'; RETURN new; END $$;
    CREATE TRIGGER touch BEFORE INSERT ON public.note FOR EACH ROW EXECUTE FUNCTION public.touch()`)
  await assert.rejects(bring(source, target), { code: 'IMPORT_NOT_EQUAL', message: /trigger touch/ })
  const { tables } = await bring(source, target, { triggers: 'off' })
  assert.deepEqual(await contents(target), before)
  assert.deepEqual(tables.find(({ table }) => table === 'public.note')?.triggers, ['touch (insert)'])
  const [row] = await target.rows(`SELECT tgenabled FROM pg_trigger WHERE tgname = 'touch'`)
  assert.deepEqual(row, { tgenabled: 'O' })
})

test('nobody else is brought back by the way', async () => {
  const { source, target } = await pair()
  await target.run(`${remove} ALTER TABLE public.note NO FORCE ROW LEVEL SECURITY; UPDATE public.person SET newest = NULL;
    DELETE FROM public.note; DELETE FROM public.person; ALTER TABLE public.note FORCE ROW LEVEL SECURITY`)
  const before = await contents(target)
  await assert.rejects(bring(source, target), { code: 'IMPORT_PARENT_GONE', message: /public\.person \(1\)/ })
  assert.deepEqual(await contents(target), before)
})

test('what the plan wants done runs in the same transaction, and its failure leaves nothing', async () => {
  const { source, target } = await pair()
  await target.run(`${remove} CREATE TABLE public.log (line text)`)
  const before = await contents(target)
  await assert.rejects(bring(source, target, { after: ['SELECT 1 / 0 WHERE $1 IS NOT NULL'] }))
  assert.deepEqual(await contents(target), before)
  await bring(source, target, {
    before: [`INSERT INTO public.log SELECT 'before ' || count(*) FROM public.note WHERE person = $1`],
    after: [`INSERT INTO public.log SELECT 'after ' || count(*) FROM public.note WHERE person = $1`],
  })
  assert.deepEqual(await target.rows('SELECT line FROM public.log'), [{ line: 'before 0' }, { line: 'after 2' }])
})

test('a target of another shape is refused by name', async () => {
  const { source, target } = await pair()
  await target.run('ALTER TABLE public.note ALTER COLUMN amount TYPE text')
  await assert.rejects(bring(source, target), { code: 'IMPORT_TABLE_DIFFERS', message: /amount is numeric .* text/ })
})
