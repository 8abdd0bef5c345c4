import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryProject } from '../project/temporary-project.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

/** A shop that keeps plain files of SQL, as written for psql. */
const shop = {
  'package.json': '{ "name": "@acme/corner-shop", "scripts": { "start": "node server.js" } }',
  'compose.yaml': "services:\n  db: { image: 'postgres:16-alpine' }\n  api: { build: ., depends_on: [db] }\n",
  '.env.example': 'DATABASE_URL=postgres://shop:a-secret@host/shop\n',
  '.github/workflows/deploy.yml': 'on: push\njobs: { deploy: { steps: [{ run: psql -f migrations.sql }] } }\n',
  'db/migrations/1_customers.sql': `DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop_api') THEN CREATE ROLE shop_api; END IF;
END $$;
CREATE TABLE customers (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL);
CREATE TABLE orders (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  customer_id uuid NOT NULL REFERENCES customers (id),
  total numeric(10, 2) NOT NULL CHECK (total >= 0)
);
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON customers USING (id = nullif(current_setting('app.customer_id', true), '')::uuid);
CREATE POLICY own ON orders USING (customer_id = nullif(current_setting('app.customer_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON customers, orders TO shop_api;
`,
  'db/migrations/10_index.sql': 'CREATE INDEX CONCURRENTLY orders_customer ON orders (customer_id);\n',
  'db/migrations/2_countries.sql': `\\restrict x7
CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL);
COPY countries (code, name) FROM stdin;
AR\tArgentina
CI\tCôte d'Ivoire; it's
\\.
GRANT SELECT ON countries TO shop_api;
`,
}

test('a repository gets a plan that nothing is wrong with, with a question at each thing that it does not tell', async () => {
  await using repository = await temporaryProject(shop)
  const { root } = repository
  const made = await commandLine(root, 'init')
  assert.equal(made.code, 0, made.err)
  assert.match(made.out, /corner-shop: 3 migrations of plain SQL in db\/migrations/)
  assert.match(made.out, /plan\.ts is code: every command of Aval about this system executes it/)

  const plan = await readFile(join(root, 'systems/corner-shop/plan.ts'), 'utf8')
  assert.match(plan, /directory: '\.\.\/\.\.\/db\/migrations'/)
  assert.match(plan, /version: '>=16'/)
  assert.match(plan, /tenant: 'customer_id'/)
  assert.match(plan, /production: \{ external: 'DATABASE_URL' \}/)
  assert.doesNotMatch(plan, /a-secret/)
  for (const [, line = ''] of made.out.matchAll(/plan\.ts:(\d+)/g))
    assert.match(plan.split('\n')[Number(line) - 1] ?? '', /Question: /, `line ${line} asks`)

  const checked = await commandLine(root, 'check')
  assert.equal(checked.code, 0, checked.err)
  assert.match(checked.out, /^corner-shop: nothing wrong by \d+ rules\.\n$/)
})

test('what is there stays as it is, and nothing is written beside the plan and its folder of keys', async () => {
  await using repository = await temporaryProject(shop)
  const { root } = repository
  const before = new Set(await readdir(root, { recursive: true }))
  assert.equal((await commandLine(root, 'init')).code, 0)
  const added = (await readdir(root, { recursive: true })).filter((name) => !before.has(name)).toSorted()
  assert.deepEqual(added, [
    '.aval',
    '.aval/.gitignore',
    'systems',
    'systems/corner-shop',
    'systems/corner-shop/plan.ts',
  ])

  const again = await commandLine(root, 'init')
  assert.equal(again.code, 2)
  assert.match(again.err, /INIT_EXISTS/)
  for (const [name, text] of Object.entries(shop)) assert.equal(await readFile(join(root, name), 'utf8'), text)
})

test('the proof it advises is of promises that the plan makes', async () => {
  const alone = { 'db/1.sql': 'CREATE TABLE notes (id int PRIMARY KEY, body text);' }
  for (const files of [shop, alone]) {
    await using repository = await temporaryProject(files)
    const { root } = repository
    const made = await commandLine(root, 'init')
    const [, name = '', kinds = ''] = /aval prove (\S+) --only (\S+) /.exec(made.out) ?? []
    const { out } = await commandLine(root, 'guarantees', name, '--json')
    for (const kind of kinds.split(',')) assert.match(out, new RegExp(`"${kind}/`), kind)
    assert.equal(kinds.includes('isolation'), files === shop)
  }
})
