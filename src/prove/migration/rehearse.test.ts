import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { findBinaries } from '../../postgres/binaries.ts'
import { connect, withClient } from '../../postgres/connection.ts'
import { type PreparedDatabase, prepareDatabase } from '../../postgres/database.ts'
import { startServer } from '../../postgres/launch.ts'
import { applyMigrations } from '../../postgres/migrations/apply.ts'
import { type Migration, migrationFrom } from '../../postgres/migrations/migration.ts'
import { type TemporaryPlace, temporaryPlace } from '../../postgres/place.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { seededRandom } from '../../random.ts'
import { type BlockingLock, watchLocks } from './blocking-locks.ts'
import { type Filling, fillTables } from './fill-tables.ts'
import { squawk } from './squawk.ts'
import { differences, goBack, schemaParts, wayBackOf } from './way-back.ts'
import { startWorkload } from './workload.ts'

let place: TemporaryPlace
let server: OwnedServer
let count = 0

before(async () => {
  place = await temporaryPlace('aval-test')
  server = await startServer({
    dataDirectory: join(place.path, 'data'),
    binaries: await findBinaries('embedded'),
    clock: systemClock,
  })
})
after(async () => {
  await server.stop('immediate')
  await place.remove()
})

const shop = `
  CREATE TYPE state AS ENUM ('open', 'paid');
  CREATE TABLE shops (id uuid PRIMARY KEY, name text NOT NULL);
  CREATE TABLE orders (
    shop_id uuid NOT NULL REFERENCES shops (id), id bigint GENERATED ALWAYS AS IDENTITY, state state NOT NULL,
    code text NOT NULL UNIQUE, replaces bigint, amount numeric(12, 2) NOT NULL CHECK (amount > 0),
    PRIMARY KEY (shop_id, id), UNIQUE (shop_id, replaces));
  CREATE TABLE settings (shop_id uuid PRIMARY KEY REFERENCES shops (id), theme text NOT NULL);
  CREATE TABLE countries (code char(2) PRIMARY KEY CHECK (code ~ '^[A-Z]{2}$'), name text NOT NULL);`

interface Case {
  database: PreparedDatabase
  filling: Filling
  /** A file of migrations of this case alone, applied or not. */
  file(name: string, sql: string): Promise<Migration>
}

/** A shop with up to 500 rows a table. */
async function filledShop(): Promise<Case> {
  count += 1
  const secret = new Uint8Array(32)
  const name = `shop${count}`
  const database = await prepareDatabase(server, { name, owner: 'keeper', roles: [], extensions: [], secret })
  const folder = join(place.path, name)
  await mkdir(folder)
  const file = async (name: string, sql: string) => {
    const path = join(folder, name)
    await writeFile(path, sql)
    return migrationFrom({ id: name.split('_')[0] ?? name, name, file: path })
  }
  await applyMigrations(database.ownerUrl, [await file('1_shop.sql', shop)])
  const filling = await withClient(database.adminUrl, (client) =>
    fillTables(client, 500, { tenant: 'shop_id', rows: {} }, seededRandom(7)),
  )
  return { database, filling, file }
}

/** Applies a second file to a shop that others use, and tells what it locked. */
async function locksOf(
  { database, filling, file }: Case,
  sql: string,
  beside: () => Promise<void> = async () => undefined,
): Promise<BlockingLock[]> {
  const [first, second] = [await file('1_shop.sql', shop), await file('2_change.sql', sql)]
  return withClient(database.adminUrl, async (client) => {
    const tables = new Set(filling.tables.map(({ oid }) => oid))
    const watch = watchLocks({ client, owner: database.owner, tables, clock: systemClock })
    try {
      const applying = applyMigrations(database.ownerUrl, [first, second], { onlooker: watch })
      await beside()
      await applying
    } finally {
      await watch.stop()
    }
    return watch.locks()
  })
}

/** Waits until somebody waits for a table. */
async function untilWaiting(url: string): Promise<void> {
  const deadline = systemClock.now() + 20_000
  await withClient(url, async (client) => {
    for (;;) {
      const { rowCount } = await client.query("SELECT 1 FROM pg_locks WHERE locktype = 'relation' AND NOT granted")
      if (rowCount !== 0) return
      assert.ok(systemClock.now() < deadline, 'nobody waits')
      await systemClock.sleep(5)
    }
  })
}

const told = (locks: readonly BlockingLock[]) =>
  [...new Set(locks.map(({ table, mode, line, migration }) => `${migration}:${line} ${mode} ${table}`))].toSorted()

describe('tables are filled', () => {
  test('with rows that follow foreign keys, and what cannot be filled is named', async () => {
    const { database, filling } = await filledShop()
    assert.deepEqual(
      filling.tables.map(({ sql, rows }) => [sql, rows]),
      [
        ['public.countries', 1],
        ['public.orders', 500],
        ['public.settings', 500],
        ['public.shops', 500],
      ],
    )
    assert.deepEqual(
      filling.short.map(({ table, rows }) => [table, rows]),
      [['countries', 1]],
    )
    await withClient(database.ownerUrl, async (client) => {
      // It checks every row that is there.
      await client.query('ALTER TABLE orders ADD CONSTRAINT again FOREIGN KEY (shop_id) REFERENCES shops (id)')
    })
  })
})

describe('a lock is told', () => {
  test('with the file, the line and the statement that took it, until its transaction ends', async () => {
    const locks = await locksOf(
      await filledShop(),
      `CREATE TABLE apart ();
ALTER TABLE orders ADD COLUMN note text;
CREATE INDEX ON shops (name);
SELECT pg_sleep(0.2);`,
    )
    assert.deepEqual(told(locks), [
      '2_change.sql:2 ACCESS EXCLUSIVE public.orders',
      '2_change.sql:3 SHARE public.shops',
    ])
    for (const { from, until } of locks) assert.ok(until - from >= 200, `${until - from} ms`)
    assert.deepEqual(
      locks.map(({ readers }) => readers),
      [true, false],
    )
  })

  test('also while it is waited for, since whoever comes later waits behind it', async () => {
    const given = await filledShop()
    const reader = await connect(given.database.adminUrl)
    await reader.query('BEGIN; SELECT 1 FROM orders LIMIT 1')
    const locks = await locksOf(given, 'ALTER TABLE orders ADD COLUMN note text', async () => {
      await untilWaiting(given.database.adminUrl)
      await systemClock.sleep(300)
      await reader.query('ROLLBACK')
    })
    await reader.end()
    assert.deepEqual(told(locks), ['2_change.sql:1 ACCESS EXCLUSIVE public.orders'])
    assert.ok((locks[0]?.until ?? 0) - (locks[0]?.from ?? 0) >= 250)
  })

  test('not where nobody waits: an index built concurrently, a new table, a column of a table without rows', async () => {
    const given = await filledShop()
    await withClient(given.database.ownerUrl, (client) => client.query('CREATE TABLE empty (a int)'))
    const sql = `CREATE INDEX CONCURRENTLY slow ON orders (amount); CREATE TABLE more (); ALTER TABLE empty ADD b int`
    assert.deepEqual(told(await locksOf(given, sql)), [])
  })
})

test('clients at work wait for what is locked, and say how long', async () => {
  const { database, filling } = await filledShop()
  const workload = await startWorkload({
    url: database.adminUrl,
    tables: filling.tables,
    random: seededRandom(7),
    clock: systemClock,
  })
  try {
    await withClient(database.adminUrl, async (client) => {
      await client.query('BEGIN; LOCK TABLE orders, shops, countries')
      await systemClock.sleep(300)
      await client.query('COMMIT')
      const deadline = systemClock.now() + 10_000
      while (workload.report().longestMs < 200) {
        assert.ok(systemClock.now() < deadline, JSON.stringify(workload.report()))
        await systemClock.sleep(10)
      }
    })
  } finally {
    await workload.stop()
  }
  assert.ok(workload.report().writes > 0)
})

describe('a way back', () => {
  test('is found beside the file or in a folder of its own, and leaves the schema as it was', async () => {
    const { database, file } = await filledShop()
    const change = await file(
      '2_change.sql',
      'ALTER TABLE orders ADD COLUMN note text; CREATE INDEX noted ON orders (note)',
    )
    assert.equal(await wayBackOf(change), undefined)
    const before = await withClient(database.adminUrl, schemaParts)
    const apply = async () => applyMigrations(database.ownerUrl, [await file('1_shop.sql', shop), change])
    await apply()
    await file('2_change.down.sql', 'ALTER TABLE orders DROP COLUMN note')
    await goBack(database.ownerUrl, change, (await wayBackOf(change)) ?? '')
    assert.deepEqual(differences(before, await withClient(database.adminUrl, schemaParts)), [])
    assert.equal((await apply()).length, 1)
  })

  test('that forgets something is told what it left', async () => {
    const { database, file } = await filledShop()
    const change = await file('2_change.sql', 'CREATE TABLE notes (a int); ALTER TABLE orders DROP COLUMN replaces')
    const down = await file('2_change.down.sql', 'SELECT 1')
    const before = await withClient(database.adminUrl, schemaParts)
    await applyMigrations(database.ownerUrl, [await file('1_shop.sql', shop), change])
    await goBack(database.ownerUrl, change, down.file)
    const found = differences(before, await withClient(database.adminUrl, schemaParts))
    assert.ok(
      found.some((line) => /^left behind: r notes/.test(line)),
      found.join('\n'),
    )
    assert.ok(
      found.some((line) => /^not back: column orders\.replaces bigint/.test(line)),
      found.join('\n'),
    )
  })
})

test('squawk says which statements may block, and nothing of a table that the file makes itself', async () => {
  const { file } = await filledShop()
  const made = await file('3_made.sql', 'CREATE TABLE made (a bigint); CREATE INDEX ON made (a);')
  const blocks = await file('4_blocks.sql', 'SELECT 1;\nCREATE INDEX orders_code ON orders (code);\n')
  const result = await squawk([made, blocks])
  assert.ok('warnings' in result, JSON.stringify(result))
  assert.deepEqual(
    result.warnings.map(({ migration, line, rule }) => `${migration}:${line} ${rule}`),
    ['4_blocks.sql:2 require-concurrent-index-creation'],
  )
})
