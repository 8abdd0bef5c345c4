import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock as clock } from '../../clock.ts'
import { seededRandom } from '../../random.ts'
import { findBinaries } from '../binaries.ts'
import { withClient } from '../connection.ts'
import { prepareDatabase } from '../database.ts'
import { startServer } from '../launch.ts'
import { temporaryPlace } from '../place.ts'
import { applyMigrations } from './apply.ts'
import { checksumOf, type Migration } from './migration.ts'

/** Six files of parts in and out of transactions; each leaves one row, one index and one value of a type. */
const migrations: Migration[] = Array.from({ length: 6 }, (_, index) => {
  const n = index + 1
  const sql = `
    CREATE TABLE t${n} (a int); INSERT INTO t${n} SELECT generate_series(1, 2000);
    CREATE INDEX CONCURRENTLY i${n} ON t${n} (a);
    CREATE TYPE e${n} AS ENUM ('first');
    ALTER TYPE e${n} ADD VALUE 'second';
    CREATE UNIQUE INDEX CONCURRENTLY u${n} ON t${n} (a);
    DROP INDEX CONCURRENTLY i${n};
    VACUUM t${n};
    INSERT INTO journal VALUES (${n});`
  const name = `${String(n).padStart(2, '0')}_step.sql`
  const text = n === 1 ? `CREATE TABLE journal (n int);${sql}` : sql
  return { id: name.slice(0, 2), name, file: `/x/${name}`, sql: text, checksum: checksumOf(text), journaled: true }
})

test('a server killed at random moments of its migrations ends with each of them applied once', async () => {
  const seed = Date.now() % 100_000
  const random = seededRandom(seed)
  const place = await temporaryPlace('aval-test')
  const binaries = await findBinaries('embedded')
  let kills = 0
  try {
    for (let attempt = 1; ; attempt++) {
      assert.ok(attempt <= 10, `seed ${seed}: it gets done in the end`)
      const server = await startServer({ dataDirectory: join(place.path, 'data'), binaries, clock })
      const secret = new Uint8Array(32)
      const { ownerUrl } = await prepareDatabase(server, {
        name: 'shop',
        owner: 'keeper',
        roles: [],
        extensions: [],
        secret,
      })
      const patience = new AbortController()
      // The last attempts run undisturbed.
      const killer =
        attempt > 4
          ? Promise.resolve()
          : clock.sleep(random.int(300), patience.signal).then(
              () => server.kill(),
              () => undefined,
            )
      const outcome = await applyMigrations(ownerUrl, migrations).catch((error: unknown) => error)
      patience.abort()
      await killer
      if (!server.running()) {
        kills += 1
        continue
      }
      try {
        assert.ok(Array.isArray(outcome), `seed ${seed}, after ${kills} kills: ${outcome}`)
        const rows = async (sql: string) => withClient(ownerUrl, async (client) => (await client.query(sql)).rows)
        const each = migrations.map((_, index) => index + 1)
        assert.deepEqual(
          (await rows('SELECT n FROM journal ORDER BY n')).map(({ n }) => n),
          each,
          `seed ${seed}, after ${kills} kills`,
        )
        const indexes = await rows(`SELECT indexrelid::regclass::text AS name FROM pg_index
          WHERE indisvalid AND indrelid::regclass::text ~ '^t[0-9]+$' ORDER BY length(indexrelid::regclass::text), 1`)
        assert.deepEqual(
          indexes.map(({ name }) => name),
          each.map((n) => `u${n}`),
          `seed ${seed}, after ${kills} kills`,
        )
        assert.deepEqual(await rows('SELECT indexrelid FROM pg_index WHERE NOT indisvalid'), [])
      } finally {
        await server.stop('immediate')
      }
      break
    }
    assert.ok(kills > 0, `seed ${seed}: at least one kill hit`)
  } finally {
    await place.remove()
  }
})
