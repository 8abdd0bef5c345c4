import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { AvalError, describeError, type ErrorCode } from '../../errors.ts'
import { findBinaries } from '../binaries.ts'
import { connect, withClient } from '../connection.ts'
import { type PreparedDatabase, prepareDatabase } from '../database.ts'
import { startServer } from '../launch.ts'
import { type TemporaryPlace, temporaryPlace } from '../place.ts'
import type { OwnedServer } from '../server.ts'
import { applyMigrations } from './apply.ts'
import { checksumOf, type Migration } from './migration.ts'
import { migrationStatus } from './status.ts'

let place: TemporaryPlace
let server: OwnedServer
let count = 0

const start = async () =>
  startServer({ dataDirectory: join(place.path, 'data'), binaries: await findBinaries('embedded'), clock: systemClock })

before(async () => {
  place = await temporaryPlace('aval-test')
  server = await start()
})
after(async () => {
  await server.stop('immediate')
  await place.remove()
})

function freshDatabase(): Promise<PreparedDatabase> {
  count += 1
  const secret = new Uint8Array(32)
  return prepareDatabase(server, { name: `db${count}`, owner: 'keeper', roles: ['reader'], extensions: [], secret })
}

/** Migrations numbered in the order given. */
function folder(...files: string[]): Migration[] {
  return files.map((sql, index) => migration(`${index + 1}_step.sql`, sql))
}

function migration(name: string, sql: string): Migration {
  const id = name.split('_')[0] ?? name
  return { id, name, file: `/migrations/${name}`, sql, checksum: checksumOf(sql), journaled: true }
}

const rows = (url: string, sql: string) =>
  withClient(url, async (client) => (await client.query<Record<string, unknown>>(sql)).rows)
const states = async (url: string, migrations: Migration[]) =>
  (await migrationStatus(url, migrations)).map(({ id, state }) => `${id} ${state}`)
const tables = async (url: string) =>
  (
    await rows(
      url,
      "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1",
    )
  ).map(({ relname }) => relname)

async function failureOf(promise: Promise<unknown>, code: ErrorCode): Promise<AvalError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof AvalError, error === undefined ? 'it was expected to fail' : String(error))
  assert.equal(error.code, code, describeError(error))
  return error
}

describe('applying', () => {
  test('goes in order, once, and the status tells before and after', async () => {
    const { ownerUrl } = await freshDatabase()
    const migrations = folder('CREATE TABLE a ()', 'ALTER TABLE a ADD b int', '-- nothing to do')
    assert.deepEqual(await states(ownerUrl, migrations), ['1 pending', '2 pending', '3 pending'])
    assert.deepEqual(await rows(ownerUrl, "SELECT to_regnamespace('aval') AS schema"), [{ schema: null }])

    const applied = await applyMigrations(ownerUrl, migrations)
    assert.deepEqual(
      applied.map(({ id, statements, resumed }) => [id, statements, resumed]),
      [
        ['1', 1, false],
        ['2', 1, false],
        ['3', 0, false],
      ],
    )
    assert.deepEqual(await states(ownerUrl, migrations), ['1 applied', '2 applied', '3 applied'])
    assert.deepEqual(await applyMigrations(ownerUrl, migrations), [])
    assert.deepEqual(await rows(ownerUrl, 'SELECT b FROM a'), [])
  })

  test('twice at the same time applies each migration once', async () => {
    const { ownerUrl } = await freshDatabase()
    const migrations = folder(
      'CREATE TABLE a (n int)',
      'CREATE TABLE b ()',
      'CREATE INDEX CONCURRENTLY i ON a (n)',
      'VACUUM a',
    )
    const runs = await Promise.all([1, 2, 3].map(() => applyMigrations(ownerUrl, migrations)))
    assert.equal(runs.flat().length, 4)
  })

  test('waits for another no longer than it is told, and names who holds the lock', async () => {
    const { ownerUrl } = await freshDatabase()
    let second: Promise<AvalError> | undefined
    await applyMigrations(ownerUrl, folder('SELECT 1'), {
      beforeFirst: async () => {
        second = failureOf(applyMigrations(ownerUrl, folder('SELECT 1'), { lockTimeoutMs: 50 }), 'MIGRATIONS_LOCKED')
        await second
      },
    })
    assert.match((await second)?.message ?? '', /server process \d+ holds/)
  })

  test('as a superuser is refused', async () => {
    const { adminUrl } = await freshDatabase()
    await failureOf(applyMigrations(adminUrl, folder('SELECT 1')), 'MIGRATION_SUPERUSER')
  })

  test('what one migration sets for its session is not there for the next, and lasts to its own end', async () => {
    const { ownerUrl } = await freshDatabase()
    await applyMigrations(
      ownerUrl,
      folder(
        'CREATE SCHEMA app; SET search_path = app; CREATE TABLE t (a int); CREATE INDEX CONCURRENTLY i ON t (a); CREATE TABLE u ()',
        'CREATE TABLE plain ()',
        'CREATE ROLE guest; GRANT guest TO keeper; SET ROLE guest; SELECT 1',
        'CREATE TABLE mine ()',
      ),
    )
    assert.deepEqual(await tables(ownerUrl), ['mine', 'plain'])
    assert.deepEqual(
      await rows(ownerUrl, "SELECT indexrelid::regclass::text AS i FROM pg_index WHERE indrelid = 'app.t'::regclass"),
      [{ i: 'app.i' }],
    )
  })

  test('the snapshot before the first change is taken only when there is one, and can stop everything', async () => {
    const { ownerUrl } = await freshDatabase()
    const migrations = folder('CREATE TABLE a ()')
    const refuse = () => Promise.reject(new Error('no backup'))
    await assert.rejects(applyMigrations(ownerUrl, migrations, { beforeFirst: refuse }), /no backup/)
    assert.deepEqual(await tables(ownerUrl), [])
    await applyMigrations(ownerUrl, migrations)
    await applyMigrations(ownerUrl, migrations, { beforeFirst: refuse })
  })
})

describe('what cannot be in a transaction', () => {
  test('runs without one, between transactions of the rest', async () => {
    const { ownerUrl } = await freshDatabase()
    const sql = `CREATE TYPE mood AS ENUM ('calm');
      CREATE TABLE t (a int, m mood);
      ALTER TYPE mood ADD VALUE 'glad';
      INSERT INTO t VALUES (1, 'glad');
      CREATE UNIQUE INDEX CONCURRENTLY ON t (a);
      VACUUM t;
      BEGIN; INSERT INTO t VALUES (2, 'calm'); COMMIT;
      DROP INDEX CONCURRENTLY t_a_idx;`
    await applyMigrations(ownerUrl, folder(sql))
    assert.deepEqual(await rows(ownerUrl, 'SELECT a, m FROM t ORDER BY a'), [
      { a: 1, m: 'glad' },
      { a: 2, m: 'calm' },
    ])
  })

  test('is also found out when only Postgres knows: a procedure that commits', async () => {
    const { ownerUrl } = await freshDatabase()
    const sql = `CREATE TABLE t (a int);
      CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); END $$;
      CALL fill();
      INSERT INTO t VALUES (3);`
    await applyMigrations(ownerUrl, folder(sql))
    assert.deepEqual(await rows(ownerUrl, 'SELECT a FROM t ORDER BY a'), [{ a: 1 }, { a: 2 }, { a: 3 }])
  })
})

describe('a failure', () => {
  test('names file, line, column, statement and hint, keeps nothing of the file, and is mended in it', async () => {
    const { ownerUrl } = await freshDatabase()
    const migrations = folder(
      'CREATE TABLE people (name text)',
      "-- ñ\nCREATE TABLE b ();\n  SELECT '😀',\n    nam FROM people;\n",
    )
    const error = await failureOf(applyMigrations(ownerUrl, migrations), 'MIGRATION_FAILED')
    assert.deepEqual(error.where, { file: '/migrations/2_step.sql', line: 4, column: 5 })
    assert.match(
      error.message,
      /^2_step\.sql, statement 2 of 2 \(SELECT '😀', nam FROM people\) failed: column "nam" does not exist \(42703\)/,
    )
    assert.match(error.next, /Perhaps you meant to reference the column "people.name"/)
    assert.match(error.next, /Nothing of this file was kept/)
    assert.deepEqual(await tables(ownerUrl), ['people'])
    assert.deepEqual(await states(ownerUrl, migrations), ['1 applied', '2 pending'])

    const mended = [...migrations.slice(0, 1), migration('2_step.sql', 'CREATE TABLE b (); SELECT name FROM people')]
    await applyMigrations(ownerUrl, mended)
    assert.deepEqual(await tables(ownerUrl), ['b', 'people'])
  })

  test('of a role that is there already tells who made it', async () => {
    const { ownerUrl, owner } = await freshDatabase()
    const sql = `CREATE ROLE ${owner}`
    const { message, next } = await failureOf(applyMigrations(ownerUrl, folder(sql)), 'MIGRATION_FAILED')
    assert.match(message, /already exists \(42710\)/)
    assert.match(next, /^Aval makes the roles that the plan names before it migrates/)
  })

  test('of a COPY that waits for data nobody sends does not wait', async () => {
    const { ownerUrl } = await freshDatabase()
    const error = await failureOf(
      applyMigrations(ownerUrl, folder('CREATE TABLE a (); COPY a FROM stdin')),
      'MIGRATION_FAILED',
    )
    assert.match(error.message, /statement 2 of 2 \(COPY a FROM stdin\)/)
    assert.deepEqual(await tables(ownerUrl), [])
  })

  test('of a deferred constraint is told at the end of its transaction', async () => {
    const { ownerUrl } = await freshDatabase()
    const sql = `CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);
INSERT INTO c VALUES (7);`
    const error = await failureOf(applyMigrations(ownerUrl, folder(sql)), 'MIGRATION_FAILED')
    assert.equal(error.where?.line, 3)
    assert.match(error.message, /foreign key constraint/)
    assert.deepEqual(await tables(ownerUrl), [])
  })

  test('does not repeat a value out of the data', async () => {
    const { ownerUrl } = await freshDatabase()
    const migrations = folder(
      "CREATE TABLE t AS SELECT 'planted-7f3a'::text AS a",
      'ALTER TABLE t ALTER a TYPE int USING a::int',
    )
    const error = await failureOf(applyMigrations(ownerUrl, migrations), 'MIGRATION_FAILED')
    assert.match(error.message, /invalid input syntax for type integer/)
    assert.doesNotMatch(describeError(error), /planted/)
  })

  test('in SQL that does not parse changes nothing, not even by the migrations before it', async () => {
    const { ownerUrl } = await freshDatabase()
    const error = await failureOf(
      applyMigrations(ownerUrl, folder('CREATE TABLE a ()', 'SELECT 1;\nCREAT TABLE b ()')),
      'MIGRATION_SYNTAX',
    )
    assert.deepEqual(error.where, { file: '/migrations/2_step.sql', line: 2, column: 1 })
    assert.deepEqual(await tables(ownerUrl), [])
  })

  test('of a concurrent index drops the unfinished one, and the next attempt goes on behind what is done', async () => {
    const { ownerUrl } = await freshDatabase()
    const head = 'CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1);'
    const migrations = folder(`${head}\nCREATE UNIQUE INDEX CONCURRENTLY once ON t (a);\nCREATE TABLE tail ()`)
    const error = await failureOf(applyMigrations(ownerUrl, migrations), 'MIGRATION_FAILED')
    assert.equal(error.where?.line, 2)
    assert.match(error.next, /The unfinished index once was dropped\. The 2 statements before it are kept/)
    assert.deepEqual(await rows(ownerUrl, "SELECT to_regclass('once') AS i"), [{ i: null }])
    assert.deepEqual(await states(ownerUrl, migrations), ['1 interrupted'])

    const rewritten = folder(`CREATE TABLE other ();\nCREATE UNIQUE INDEX CONCURRENTLY once ON t (a)`)
    assert.deepEqual(await states(ownerUrl, rewritten), ['1 changed'])
    const refusal = await failureOf(applyMigrations(ownerUrl, rewritten), 'MIGRATIONS_REFUSED')
    assert.match(refusal.message, /stopped after 2 statements, and those have changed/)

    const mended = folder(
      `${head}\nDELETE FROM t;\nCREATE UNIQUE INDEX CONCURRENTLY once ON t (a);\nCREATE TABLE tail ()`,
    )
    const [applied] = await applyMigrations(ownerUrl, mended)
    assert.deepEqual([applied?.id, applied?.resumed], ['1', true])
    assert.deepEqual(await states(ownerUrl, mended), ['1 applied'])
    assert.deepEqual(await tables(ownerUrl), ['t', 'tail'])
  })

  test('of the whole server in the middle of a concurrent index: the next attempt clears up and finishes', async () => {
    const { name, ownerUrl } = await freshDatabase()
    const migrations = folder(
      'CREATE TABLE t (a int)',
      'CREATE TABLE u (); CREATE INDEX CONCURRENTLY slow ON t (a); CREATE TABLE tail ()',
    )
    await applyMigrations(ownerUrl, migrations.slice(0, 1))
    // Somebody reading the table in an open transaction has the index wait half made.
    const reader = await connect(ownerUrl)
    await reader.query('BEGIN; INSERT INTO t VALUES (1)')
    const attempt = applyMigrations(ownerUrl, migrations).catch(() => 'broken')
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'"
    const deadline = Date.now() + 20_000
    while ((await rows(ownerUrl, waiting)).length === 0) assert.ok(Date.now() < deadline, 'the index began')
    await server.kill()
    await reader.end().catch(() => undefined)
    assert.equal(await attempt, 'broken')

    server = await start()
    const again = server.url({ user: 'keeper', password: new URL(ownerUrl).password, database: name })
    assert.deepEqual(await rows(again, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'slow'::regclass"), [
      { indisvalid: false },
    ])
    assert.deepEqual(await states(again, migrations), ['1 applied', '2 interrupted'])
    await applyMigrations(again, migrations)
    assert.deepEqual(await rows(again, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'slow'::regclass"), [
      { indisvalid: true },
    ])
    assert.deepEqual(await tables(again), ['t', 'tail', 'u'])
  })
})

describe('when folder and database disagree', () => {
  const applied = folder('CREATE TABLE a ()', 'CREATE TABLE b ()', 'CREATE TABLE c ()')
  const cases: { what: string; files: Migration[]; states: string[]; fix: RegExp }[] = [
    {
      what: 'a file was changed',
      files: folder('CREATE TABLE a ()', 'CREATE TABLE b (x int)', 'CREATE TABLE c ()', 'CREATE TABLE d ()'),
      states: ['1 applied', '2 changed', '3 applied', '4 pending'],
      fix: /Bring back the file as it was applied/,
    },
    {
      what: 'a file is gone',
      files: [...applied.slice(0, 2), migration('4_step.sql', 'CREATE TABLE d ()')],
      states: ['1 applied', '2 applied', '4 pending', '3 missing'],
      fix: /Bring the file back/,
    },
    {
      what: 'a file has another version',
      files: [...applied.slice(0, 2), migration('30_step.sql', 'CREATE TABLE c ()')],
      states: ['1 applied', '2 applied', '30 renamed'],
      fix: /Rename the file back to 3_step\.sql/,
    },
    {
      what: 'a file has another name',
      files: [...applied.slice(0, 2), migration('3_other.sql', 'CREATE TABLE c ()')],
      states: ['1 applied', '2 applied', '3 renamed'],
      fix: /Rename the file back to 3_step\.sql/,
    },
    {
      what: 'a file came in between',
      files: [...applied.slice(0, 2), migration('21_late.sql', 'CREATE TABLE d ()'), ...applied.slice(2)],
      states: ['1 applied', '2 applied', '21 out-of-order', '3 applied'],
      fix: /Give it a later version/,
    },
    {
      what: 'a file is not in the journal',
      files: [...applied, { ...migration('4_step.sql', 'CREATE TABLE d ()'), journaled: false }],
      states: ['1 applied', '2 applied', '3 applied', '4 unjournaled'],
      fix: /drizzle-kit generate/,
    },
  ]
  for (const each of cases) {
    test(`because ${each.what}, it is told with the fix and nothing changes`, async () => {
      const { ownerUrl } = await freshDatabase()
      await applyMigrations(ownerUrl, applied)
      assert.deepEqual(await states(ownerUrl, each.files), each.states)
      const error = await failureOf(applyMigrations(ownerUrl, each.files), 'MIGRATIONS_REFUSED')
      assert.match(error.next, each.fix)
      assert.deepEqual(await tables(ownerUrl), ['a', 'b', 'c'])
      assert.deepEqual(await states(ownerUrl, applied), ['1 applied', '2 applied', '3 applied'])
    })
  }

  test('a late file is applied when that is asked for', async () => {
    const { ownerUrl } = await freshDatabase()
    await applyMigrations(ownerUrl, applied)
    const files = [...applied.slice(0, 2), migration('21_late.sql', 'CREATE TABLE d ()'), ...applied.slice(2)]
    assert.equal((await applyMigrations(ownerUrl, files, { outOfOrder: 'apply' })).length, 1)
    assert.deepEqual(await tables(ownerUrl), ['a', 'b', 'c', 'd'])
  })
})
