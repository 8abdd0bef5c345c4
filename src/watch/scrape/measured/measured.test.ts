import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Clock, systemClock } from '../../../clock.ts'
import type { Evidence } from '../../../ledger/evidence.ts'
import { parsePlan } from '../../../plan/plan.ts'
import { telemetry as telemetrySchema } from '../../../plan/telemetry.ts'
import { findBinaries } from '../../../postgres/binaries.ts'
import { connect, withClient } from '../../../postgres/connection.ts'
import { startServer } from '../../../postgres/launch.ts'
import { type TemporaryPlace, temporaryPlace } from '../../../postgres/place.ts'
import type { OwnedServer } from '../../../postgres/server.ts'
import { memorySeries } from '../../promql/memory-series.ts'
import type { Reading } from '../reading.ts'
import { databaseProcessorTarget } from './database-processor.ts'
import { databaseQueryTargets } from './database-queries.ts'
import { type HostSource, hostTarget, thisHost } from './host.ts'
import { postgresTarget } from './postgres.ts'
import { rateReadings } from './rates.ts'
import { readDatabase } from './read-database.ts'
import { recoveryReadings } from './recovery-ages.ts'

const signal = new AbortController().signal
const pace = { instance: 'here', everyMs: 15_000, timeoutMs: 10_000 }

function value(readings: readonly Reading[], name: string, labels: Record<string, string> = {}): number | undefined {
  return readings.find(
    (each) =>
      each.labels['__name__'] === name &&
      Object.entries(labels).every(([label, wanted]) => each.labels[label] === wanted),
  )?.value
}

describe('what a database tells of itself', () => {
  let place: TemporaryPlace
  let server: OwnedServer
  before(async () => {
    place = await temporaryPlace('aval-test')
    const settings = { shared_preload_libraries: 'pg_stat_statements' }
    const dataDirectory = `${place.path}/data`
    const binaries = await findBinaries('embedded')
    server = await startServer({ dataDirectory, binaries, clock: systemClock, settings })
    await withClient(server.url(), async (client) => {
      await client.query('CREATE EXTENSION pg_stat_statements')
      await client.query("CREATE TABLE queue AS SELECT i, 'Ana' AS patient FROM generate_series(1, 1000) i")
      await client.query('CREATE ROLE reader; GRANT SELECT ON queue TO reader')
      await client.query("SELECT pg_create_physical_replication_slot('patient_ana', true)")
    })
  })
  after(async () => {
    await server?.stop('immediate')
    await place?.remove()
  })

  test('connections, sizes, slots, wraparound and statements, without a text of theirs', async () => {
    const target = postgresTarget({ ...pace, url: () => server.url() })
    const idle = await connect(server.url())
    const busy = await connect(server.url())
    const asleep = busy.query('SELECT pg_sleep(60)').catch(() => undefined)
    let readings: readonly Reading[] = []
    do readings = await target.read(signal)
    while (value(readings, 'db_connections_active') !== 1)
    assert.equal(value(readings, 'db_connections_idle'), 1)
    assert.equal(value(readings, 'aval_postgres_connections', { state: 'idle' }), 1)
    await withClient(server.url(), (client) =>
      client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"),
    )
    await asleep
    await idle.end()
    await busy.end().catch(() => undefined)

    const sizes = await withClient(server.url(), (client) =>
      client.query<{ database: string; queue: string }>(
        "SELECT pg_database_size(current_database()) AS database, pg_total_relation_size('queue') AS queue",
      ),
    )
    assert.equal(value(readings, 'db_table_size_bytes', { table_name: 'queue' }), Number(sizes.rows[0]?.queue))
    assert.ok(Math.abs((value(readings, 'db_size_bytes') ?? 0) - Number(sizes.rows[0]?.database)) < 1_000_000)
    assert.equal(value(readings, 'aval_postgres_slots_inactive'), 1)
    const wraparound = value(readings, 'aval_postgres_wraparound_ratio') ?? -1
    assert.ok(wraparound > 0 && wraparound < 0.01)
    assert.equal(value(readings, 'aval_postgres_archive_failures_total'), 0)
    const statements = readings.filter(({ labels }) => labels['__name__'] === 'aval_postgres_statement_calls_total')
    assert.ok(statements.length > 2 && statements.length <= 20)
    assert.ok(statements.every(({ labels, value }) => /^-?\d+$/.test(labels['query'] ?? '') && value >= 1))
    assert.doesNotMatch(JSON.stringify(readings), /ana|SELECT/i)
  })

  test('queries of the plan give their figure as their role, at their pace, and change nothing', async () => {
    let now = 0
    const clock: Clock = { ...systemClock, now: () => now }
    const metric = (sql: string, role?: string) => ({ type: 'gauge', help: 'h', query: { sql, every: '5m', role } })
    const telemetry = telemetrySchema.parse({
      metrics: {
        length: metric('SELECT count(*) FROM queue', 'reader'),
        forbidden: metric('SELECT count(*) FROM pg_authid', 'reader'),
        changing: metric('DELETE FROM queue RETURNING 1'),
        none: metric('SELECT 1 WHERE false'),
        unread: { type: 'gauge', help: 'h' },
      },
    })
    const targets = databaseQueryTargets({ ...pace, telemetry, url: () => server.url(), clock })
    const read = (name: string) => targets.find(({ job }) => job === `query:${name}`)?.read(signal)
    assert.equal(targets.length, 4)
    assert.deepEqual(await read('length'), [{ labels: { __name__: 'length' }, value: 1000 }])
    assert.deepEqual(await read('none'), [])
    await assert.rejects(async () => read('forbidden'), /permission denied/)
    await assert.rejects(async () => read('changing'), /read-only transaction/)
    await withClient(server.url(), (client) => client.query('DELETE FROM queue WHERE i > 400'))
    now += 60_000
    assert.equal((await read('length'))?.[0]?.value, 1000)
    now += 240_000
    assert.equal((await read('length'))?.[0]?.value, 400)
  })

  test('what it takes of the processor of this machine, of its own processes', async () => {
    let now = 0
    const asked: (readonly number[])[] = []
    const source: HostSource = {
      ...thisHost,
      processor: () => ({ busyMs: 0, totalMs: 0, count: 2 }),
      processSeconds: async (pids) => 5 + 4 * asked.push(pids),
    }
    const clock: Clock = { ...systemClock, now: () => now }
    const target = databaseProcessorTarget({ ...pace, url: () => server.url(), source, clock })
    assert.deepEqual(await target.read(signal), [])
    now += 10_000
    assert.equal(value(await target.read(signal), 'db_cpu_usage_ratio'), 0.2)
    assert.ok(asked.every((pids) => pids.length > 1 && !pids.includes(process.pid)))
  })

  test('whoever has waited long enough leaves it in the middle of a statement', async () => {
    const leaving = new AbortController()
    const asked = readDatabase(server.url(), { timeoutMs: 60_000, signal: leaving.signal }, (client) => {
      const asleep = client.query('SELECT pg_sleep(60)')
      leaving.abort()
      return asleep
    })
    await assert.rejects(asked, /Connection terminated/)
  })
})

describe('what the machine tells', () => {
  test('shares of processor, memory and disk between two readings', async () => {
    let now = 0
    let busyMs = 1000
    const source: HostSource = {
      processor: () => ({ busyMs, totalMs: now * 2, count: 2 }),
      memory: async () => ({ usedBytes: 30, totalBytes: 40 }),
      disk: async (path) => ({ usedBytes: path === '/data' ? 9 : 0, totalBytes: 10 }),
      processSeconds: async () => undefined,
    }
    const target = hostTarget({ ...pace, dataPath: '/data', source })
    const first = await target.read(signal)
    assert.deepEqual(value(first, 'disk_usage_ratio'), 0.9)
    assert.deepEqual(value(first, 'memory_usage_ratio'), 0.75)
    assert.equal(value(first, 'aval_host_cpu_usage_ratio'), undefined)
    now += 10_000
    busyMs += 5000
    const second = await target.read(signal)
    assert.equal(value(second, 'aval_host_cpu_usage_ratio'), 0.25)
  })

  test('this one tells all of it', async () => {
    const { usedBytes, totalBytes } = await thisHost.disk('/')
    assert.ok(usedBytes > 0 && usedBytes < totalBytes)
    const { busyMs, totalMs, count } = thisHost.processor()
    assert.ok(busyMs > 0 && busyMs < totalMs && count > 0)
    if (process.platform !== 'linux') return
    const memory = await thisHost.memory()
    assert.ok(memory && memory.usedBytes > 0 && memory.usedBytes < memory.totalBytes)
    assert.ok(((await thisHost.processSeconds([process.pid])) ?? 0) > 0)
    assert.equal(await thisHost.processSeconds([]), undefined)
  })
})

describe('what recovery tells', () => {
  const parsed = parsePlan({
    system: 'tiny',
    recovery: {
      backups: { daily: { schedule: '0 3 * * *', keep: '7d' }, weekly: { schedule: '0 3 * * 0', keep: '30d' } },
      drills: {
        whole: { calendar: { months: [1], week: 1 }, focus: ['all'], scenario: 'lost' },
        restore: { calendar: { months: [1], week: 1 }, focus: ['all'], verifies: { newestWithin: '1d' } },
      },
    },
  })
  const evidence = (guarantee: string, verdict: Evidence['verdict'], startedMs: number): Evidence => ({
    id: guarantee,
    guarantee,
    system: 'tiny',
    verdict,
    measured: null,
    unit: 'ms',
    sample: { size: 1, of: 'restores' },
    scale: null,
    environment: {},
    steps: [],
    reason: '',
    remedy: null,
    seed: 1,
    planDigest: '',
    subjectDigest: '',
    commit: null,
    startedAt: new Date(startedMs).toISOString(),
    tookMs: 1000,
  })

  test('ages of backups and of what can be restored, by backup of the plan', () => {
    assert.ok('plan' in parsed, JSON.stringify(parsed))
    const readings = recoveryReadings(
      parsed.plan,
      {
        backups: [
          { backup: 'daily', storedAtMs: 100_000 },
          { backup: 'daily', storedAtMs: 200_000 },
          { backup: undefined, storedAtMs: 250_000 },
        ],
        failures: new Map([['daily', 2]]),
        restorableUntilMs: 290_000,
        oldestUnstoredMs: 293_000,
        evidence: [],
      },
      300_000,
    )
    assert.equal(value(readings, 'last_backup_age_seconds'), 50)
    assert.equal(value(readings, 'recovery_point_age_seconds'), 10)
    assert.equal(value(readings, 'aval_wal_stored_lag_seconds'), 7)
    const success = (backup: string) => value(readings, 'aval_backup_last_success_timestamp_seconds', { backup })
    assert.deepEqual([success('daily'), success('weekly')], [200, undefined])
    const failures = (backup: string) => value(readings, 'aval_backup_failures_total', { backup })
    assert.deepEqual([failures('daily'), failures('weekly')], [2, 0])
  })

  test('a drill succeeded when all that it has to show was shown, and what was refuted counts as failed', () => {
    assert.ok('plan' in parsed)
    const facts = {
      backups: [],
      failures: new Map<string, number>(),
      restorableUntilMs: undefined,
      oldestUnstoredMs: undefined,
      evidence: [
        evidence('recovery/procedure:lost/time', 'proven', 1_000_000),
        evidence('recovery/procedure:lost/loss', 'proven', 1_000_000),
        evidence('recovery/procedure:lost/time', 'proven', 2_000_000),
        evidence('recovery/procedure:lost/loss', 'refuted', 2_000_000),
        evidence('integrity/backups/verify', 'inconclusive', 2_000_000),
      ],
    }
    const readings = recoveryReadings(parsed.plan, facts, 3_000_000)
    const success = (drill: string) => value(readings, 'aval_drill_last_success_timestamp_seconds', { drill })
    assert.deepEqual([success('whole'), success('restore')], [1001, undefined])
    assert.equal(value(readings, 'aval_drill_failures_total', { drill: 'whole' }), 1)
    assert.equal(value(readings, 'aval_drill_failures_total', { drill: 'restore' }), 0)
    assert.equal(value(readings, 'aval_proof_age_seconds'), 999)
  })
})

test('rates are told from counters of the last minute, over a counter that began anew', () => {
  const span = (instance: string, values: number[]) => ({
    labels: { __name__: 'http_requests_total', endpoint: '/sync/push', instance },
    timesMs: Float64Array.from(values, (_, index) => 15_000 * (index + 1)),
    values: Float64Array.from(values),
    endedAtMs: new Float64Array(),
  })
  const source = memorySeries([span('a', [100, 130, 160, 190]), span('b', [50, 5, 20, 50])])
  const [rate] = rateReadings(source, 60_000)
  assert.deepEqual(rate?.labels, { __name__: 'http_requests_per_second', endpoint: '/sync/push' })
  assert.ok(Math.abs((rate?.value ?? 0) - (90 / 45 + 50 / 45)) < 1e-9)
})
