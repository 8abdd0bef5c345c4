import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { deriveGuarantees } from './derive.ts'
import { guaranteeKinds, meets } from './guarantee.ts'
import { parsePlan } from './plan.ts'

function derived(input: unknown) {
  const parsed = parsePlan(input)
  assert.ok('plan' in parsed, JSON.stringify(parsed))
  return deriveGuarantees(parsed.plan)
}

const database = { version: '18', size: '2GB', migrations: { layout: 'supabase', directory: 'migrations' } }

test('a plan that promises nothing has no guarantees', () => {
  assert.deepEqual(derived({ system: 'shop' }), [])
})

test('an objective gives a guarantee for its time and one for its loss, with target, source and requirements', () => {
  const guarantees = derived({
    system: 'shop',
    documents: { OPS: 'Operations' },
    recovery: {
      objectives: { database: { rto: '4h', rpo: '0', source: 'OPS §6', requirements: ['SH-1', 'SH-1'] } },
    },
  })
  assert.deepEqual(
    guarantees.map(({ id, target, source, requirements, path }) => ({ id, target, source, requirements, path })),
    [
      {
        id: 'recovery/database/time',
        target: { op: '<=', value: 14_400_000, unit: 'ms' },
        source: 'OPS §6',
        requirements: ['SH-1'],
        path: ['recovery', 'objectives', 'database', 'rto'],
      },
      {
        id: 'recovery/database/loss',
        target: { op: '<=', value: 0, unit: 'ms' },
        source: 'OPS §6',
        requirements: ['SH-1'],
        path: ['recovery', 'objectives', 'database', 'rpo'],
      },
    ],
  )
})

test('a service that serves its OpenAPI document promises to answer as it says', () => {
  const openapi = { path: '/openapi.json', requirements: ['SH-2'] }
  const [promise, ...others] = derived({ system: 'shop', services: { api: { image: 'shop', openapi } } })
  assert.deepEqual(others, [])
  assert.equal(promise?.id, 'behaviour/requests:api/answered')
  assert.deepEqual(promise?.path, ['services', 'api', 'openapi'])
  assert.deepEqual(promise?.requirements, ['SH-2'])
})

test('a database promises that its migrations apply, and how long they keep others waiting', () => {
  const migrations = { ...database.migrations, longestBlock: '5s' }
  const [guarantee] = derived({ system: 'shop', database: { ...database, migrations } })
  assert.equal(guarantee?.id, 'migration/database/applies')
  assert.deepEqual(guarantee.target, { op: '<=', value: 5_000, unit: 'ms' })
  assert.deepEqual(guarantee.path, ['database', 'migrations'])
})

test('backups of something beside the database promise nothing about its pages', () => {
  const ids = derived({
    system: 'shop',
    database,
    recovery: { backups: { blobs: { of: 'blobs', on: 'continuous', keep: 'forever' } } },
  }).map(({ id }) => id)
  assert.deepEqual(ids, ['migration/database/applies', 'retention/blobs/kept'])
})

// Few names, so that they meet, and among them those that a careless id would confuse with another entry's.
const name = fc.constantFrom(
  'a',
  'b',
  'a-p50',
  'procedure-a',
  'probe-a',
  'escalation-a',
  'point-in-time',
  'allow-list',
  'rows',
)
const duration = fc.constantFrom('0', '250ms', '30s', '5m', '4h', '7d')
const byName = <T>(entry: fc.Arbitrary<T>) => fc.dictionary(name, entry, { maxKeys: 4, noNullPrototype: true })
const planInput = fc.record({
  system: fc.constant('shop'),
  services: byName(
    fc.record({
      image: fc.constant('shop'),
      promises: byName(fc.record({ claim: fc.string() })),
      performance: byName(
        fc.record({ operation: fc.string(), p50: duration, p99: duration, throughput: fc.constant(5) }),
      ),
    }),
  ),
  database: fc.record({
    version: fc.constant('18'),
    size: fc.constant('2GB'),
    migrations: fc.constant(database.migrations),
    invariants: byName(fc.record({ claim: fc.string(), sql: fc.constant('SELECT 1') })),
    rowSecurity: fc.record({ tables: fc.constant('all'), tenant: fc.constant('user_id') }),
  }),
  recovery: fc.record({
    objectives: byName(fc.record({ rto: duration, rpo: duration })),
    backups: byName(fc.record({ schedule: fc.constant('0 * * * *'), keep: duration })),
    pointInTime: fc.record({ window: duration }),
    procedures: byName(fc.record({ steps: fc.constant(['Restore.']), within: duration })),
  }),
  telemetry: fc.record({
    metrics: byName(fc.record({ type: fc.constant('gauge'), help: fc.string() })).map((metrics) =>
      Object.fromEntries(Object.entries(metrics).map(([key, metric]) => [key.replaceAll('-', '_'), metric])),
    ),
    forbidden: byName(fc.record({ meaning: fc.string() })),
  }),
  alerts: byName(
    fc.record({ when: fc.constant('x > 1'), severity: fc.constant('low'), notify: fc.constant(['pager']) }),
  ),
  incidents: fc.record({
    escalation: byName(
      fc.record({
        severity: fc.constant('P1'),
        first: fc.constant('pager'),
        after: duration,
        to: fc.constant(['lead']),
      }),
    ),
  }),
  probes: byName(fc.record({ http: fc.constant('https://shop.example'), every: duration })),
  limits: byName(fc.record({ of: fc.string(), bytes: fc.constant('1MB') })),
})

test('ids are unique, read kind/subject/name and lead back to an entry of the plan', () => {
  fc.assert(
    fc.property(planInput, (input) => {
      const guarantees = derived(input)
      const ids = guarantees.map(({ id }) => id)
      assert.equal(new Set(ids).size, ids.length, `an id stands twice among ${ids.join(' ')}`)
      for (const { id, kind, subject, path, freshFor } of guarantees) {
        assert.ok(guaranteeKinds.includes(kind))
        assert.ok(id.startsWith(`${kind}/${subject}/`))
        assert.equal(id.split('/').length, 3)
        assert.notEqual(entryAt(input, path), undefined, `${id} stands nowhere: ${path.join('.')}`)
        assert.ok(freshFor > 0)
      }
    }),
    { numRuns: 200 },
  )
})

test('the same plan gives the same guarantees', () => {
  fc.assert(
    fc.property(planInput, (input) => {
      assert.deepEqual(derived(input), derived(structuredClone(input)))
    }),
    { numRuns: 30 },
  )
})

test('a claim holds without a violation; a bound is met up to and including itself', () => {
  assert.equal(meets({ op: 'holds' }, 0), true)
  assert.equal(meets({ op: 'holds' }, 1), false)
  assert.equal(meets({ op: '<=', value: 5, unit: 'ms' }, 5), true)
  assert.equal(meets({ op: '<=', value: 5, unit: 'ms' }, 5.1), false)
  assert.equal(meets({ op: '<', value: 5, unit: 'ms' }, 5), false)
  assert.equal(meets({ op: '>=', value: 5, unit: 'per-second' }, 5), true)
  assert.equal(meets({ op: '>', value: 5, unit: 'count' }, 5), false)
  assert.equal(meets({ op: '=', value: 5, unit: 'count' }, 5), true)
})

function entryAt(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined),
    value,
  )
}
