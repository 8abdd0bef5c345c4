import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { systemClock } from '../../../clock.ts'
import { telemetry as telemetrySchema } from '../../../plan/telemetry.ts'
import { findBinaries } from '../../../postgres/binaries.ts'
import { withClient } from '../../../postgres/connection.ts'
import { startServer } from '../../../postgres/launch.ts'
import { type TemporaryPlace, temporaryPlace } from '../../../postgres/place.ts'
import type { OwnedServer } from '../../../postgres/server.ts'
import { databaseQueryTargets } from './database-queries.ts'
import { sqlChecks } from './sql-checks.ts'

const pace = { instance: 'shop', everyMs: 50, timeoutMs: 5_000, clock: systemClock }
const gauge = { type: 'gauge', help: 'Of a test', emittedBy: ['aval'] }
const telemetry = telemetrySchema.parse({
  metrics: {
    shop_stale: gauge,
    shop_pressure: gauge,
    shop_orders: { ...gauge, query: { sql: 'SELECT count(*) FROM orders', every: '1h', role: 'monitor' } },
  },
  checks: {
    health: {
      call: 'SELECT check_health()',
      every: '1h',
      role: 'monitor',
      channel: 'health',
      tells: { stale: 'shop_stale', pressure: 'shop_pressure', orders: 'shop_orders' },
    },
  },
})

describe('a database that checks itself', () => {
  let place: TemporaryPlace
  let server: OwnedServer
  before(async () => {
    place = await temporaryPlace('aval-test')
    const binaries = await findBinaries('embedded')
    server = await startServer({ dataDirectory: `${place.path}/data`, binaries, clock: systemClock })
    await ask(`
      CREATE TABLE orders (id int);
      CREATE FUNCTION check_health() RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
          IF (SELECT count(*) > 2 FROM orders) THEN
            PERFORM pg_notify('health', json_build_object('check', 'stale', 'value', (SELECT count(*) FROM orders))::text);
          END IF;
        END $$;
      CREATE ROLE monitor; GRANT SELECT ON orders TO monitor`)
  })
  after(async () => {
    await server?.stop('immediate')
    await place?.remove()
  })
  beforeEach(() => ask('TRUNCATE orders'))

  const ask = (sql: string) => withClient(server.url(), (client) => client.query(sql))
  const tell = (payload: string) =>
    withClient(server.url(), (client) => client.query("SELECT pg_notify('health', $1)", [payload]))

  /** The check as the watch reads it; a figure by its name, with the kind for what was refused. */
  function listening(t: { signal: AbortSignal; after(work: () => void): void }) {
    const ending = new AbortController()
    t.after(() => ending.abort())
    const checks = sqlChecks({ ...pace, telemetry, url: () => server.url(), signal: ending.signal })
    const [target] = checks.targets
    assert.ok(target)
    const read = async () =>
      Object.fromEntries(
        (await target.read(t.signal)).map(({ labels, value }) => [labels['kind'] ?? labels['__name__'], value]),
      )
    const until = async (what: string, seen: (figures: Record<string, number>) => boolean) => {
      for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
        const figures = await read()
        if (seen(figures)) return figures
      }
      throw new Error(`not seen in time: ${what}`)
    }
    return { checks, read, until }
  }

  test('is called at once, and tells nothing while all is well', async (t) => {
    assert.deepEqual(await listening(t).read(), { shape: 0, check: 0 })
  })

  test('tells what it found when it was called', async (t) => {
    await ask('INSERT INTO orders SELECT generate_series(1, 3)')
    assert.equal((await listening(t).read())['shop_stale'], 3)
  })

  test('is heard between two calls, whoever called it', async (t) => {
    const { read, until } = listening(t)
    assert.equal((await read())['shop_stale'], undefined)
    await ask('INSERT INTO orders SELECT generate_series(1, 4); SELECT check_health()')
    assert.equal((await until('the notice', (figures) => 'shop_stale' in figures))['shop_stale'], 4)
  })

  test('is not believed when it tells of something else, or in another shape', async (t) => {
    const { read, until } = listening(t)
    await read()
    await tell('{"check":"aval_anything","value":1}')
    await tell('stale: 9 orders of Ana')
    await tell('{"check":"stale","value":9,"customer":"Ana"}')
    assert.deepEqual(await until('three refusals', ({ shape, check }) => shape === 2 && check === 1), {
      shape: 2,
      check: 1,
    })
  })

  test('is heard again after its connection broke, and called, since nobody heard what it told meanwhile', async (t) => {
    const { read, until } = listening(t)
    await read()
    await ask('INSERT INTO orders SELECT generate_series(1, 5)')
    await ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'aval check health'")
    const figures = async () => {
      try {
        return await until('what was found meanwhile', (found) => found['shop_stale'] === 5)
      } catch (error) {
        // The reading in which the break is noticed gives nothing.
        assert.match(String(error), /terminat|ended|closed/i)
        return until('what was found meanwhile', (found) => found['shop_stale'] === 5)
      }
    }
    assert.equal((await figures())['shop_stale'], 5)
  })

  test('lets a metric that has a query be read again, and its own figure is not taken for it', async (t) => {
    const { checks, until } = listening(t)
    const [orders] = databaseQueryTargets({
      ...pace,
      telemetry,
      url: () => server.url(),
      toldAtMs: checks.toldAtMs,
    })
    const count = async () => (await orders?.read(t.signal))?.[0]?.value
    assert.equal(await count(), 0)
    await until('it listens', () => true)
    await ask('INSERT INTO orders SELECT generate_series(1, 2)')
    assert.equal(await count(), 0, 'its hour is not over')
    await tell('{"check":"orders","value":1000000}')
    await until('the notice', () => checks.toldAtMs('shop_orders') > 0)
    assert.equal(await count(), 2)
  })

  test('may change nothing when it is called', async (t) => {
    await ask('ALTER FUNCTION check_health() RENAME TO sound_check')
    await ask('CREATE FUNCTION check_health() RETURNS void SECURITY DEFINER LANGUAGE sql AS $$ DELETE FROM orders $$')
    try {
      await assert.rejects(listening(t).read(), /read-only/)
    } finally {
      await ask('DROP FUNCTION check_health(); ALTER FUNCTION sound_check() RENAME TO check_health')
    }
  })
})
