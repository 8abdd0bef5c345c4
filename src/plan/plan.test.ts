import assert from 'node:assert/strict'
import { test } from 'node:test'
import { definePlan, type PlanInput, parsePlan } from './plan.ts'

const migrations = { layout: 'supabase', directory: 'migrations' } as const

function planOf(input: unknown) {
  const parsed = parsePlan(input)
  assert.ok('plan' in parsed, JSON.stringify(parsed))
  return parsed.plan
}

function problemsOf(input: unknown) {
  const parsed = parsePlan(input)
  assert.ok('problems' in parsed, 'the plan was taken')
  return parsed.problems.map(({ path, message, fix, part }) => ({ at: path.join('.'), message, fix, part }))
}

test('units become numbers and defaults are filled in', () => {
  const plan = planOf({
    system: 'shop',
    database: { version: '18', size: '40GB', migrations },
    recovery: { objectives: { database: { rto: '4h', rpo: '0' } } },
    services: { api: { image: 'shop', availability: '99.9%' } },
  })
  assert.equal(plan.database?.size, 40_000_000_000)
  assert.equal(plan.recovery.objectives['database']?.rto, 14_400_000)
  assert.equal(plan.recovery.objectives['database']?.covers, 'database')
  assert.equal(plan.recovery.timeZone, 'UTC')
  assert.deepEqual(plan.alerts, {})
})

test('a plan cannot be changed once it is parsed, however deep', () => {
  const plan = planOf({ system: 'shop', database: { version: '18', size: '1GB', migrations } })
  assert.ok(Object.isFrozen(plan.recovery.stores['primary']?.tiers))
  assert.throws(() => Object.assign(plan.database ?? {}, { size: 0 }), TypeError)
})

test('everything wrong is told at once', () => {
  const problems = problemsOf({
    system: 'Shop',
    databse: {},
    recovery: { objectives: { a: { rto: '4 hours' } } },
    alerts: { x: {} },
  })
  assert.deepEqual(
    problems.map(({ at }) => at),
    ['system', 'recovery.objectives.a.rto', 'alerts.x.when', 'alerts.x.severity', 'alerts.x.notify', 'databse'],
  )
})

test('a mistyped entry is told by its name and with what was meant', () => {
  assert.deepEqual(problemsOf({ system: 'shop', databse: {} }), [
    { at: 'databse', message: '"databse" is not known here.', fix: 'Did you mean "database"?', part: 'key' },
  ])
})

test('a mistyped value of a list of values is told with what was meant', () => {
  const [problem] = problemsOf({
    system: 'shop',
    database: { version: '18', size: '1GB', migrations, servers: { production: 'instaled' } },
  })
  assert.deepEqual(problem, {
    at: 'database.servers.production',
    message: '"instaled" is not one of the values known here.',
    fix: 'Did you mean "installed"?',
    part: 'value',
  })
})

test('of an entry with several forms the one that was meant is judged', () => {
  assert.deepEqual(
    problemsOf({ system: 'shop', probes: { health: { http: '/health', service: 'api', evry: '1m' } } }).map(
      ({ at, fix }) => ({
        at,
        fix,
      }),
    ),
    [
      { at: 'probes.health.every', fix: "Write a duration such as '30s', '5m', '4h', '7d'." },
      { at: 'probes.health.evry', fix: 'Did you mean "every"?' },
    ],
  )
})

test('what is no plan at all is told as well', () => {
  for (const value of [null, 1, 'plan', [], undefined]) {
    const problems = problemsOf(value)
    assert.equal(problems.length, 1)
    assert.equal(problems[0]?.at, '')
  }
})

test('definePlan returns what it is given', () => {
  const input: PlanInput = { system: 'shop' }
  assert.equal(definePlan(input), input)
})

// What the compiler refuses. Each comment below is an assertion: without an error on its line, `tsc` fails.

definePlan({
  system: 'shop',
  // @ts-expect-error an entry the language does not have
  databse: {},
})

// @ts-expect-error a plan names its system
definePlan({ title: 'Shop' })

definePlan({
  system: 'shop',
  // @ts-expect-error a layout of migrations nobody knows
  database: { version: '18', size: '1GB', migrations: { layout: 'prism', directory: 'migrations' } },
})

definePlan({
  system: 'shop',
  // @ts-expect-error units are written as text
  recovery: { objectives: { database: { rto: 4 } } },
})

definePlan({
  system: 'shop',
  // @ts-expect-error an alert says how grave it is
  alerts: { errors: { when: 'x > 1', notify: ['pager'] } },
})

definePlan({
  system: 'shop',
  // @ts-expect-error a unit that nobody knows
  recovery: { objectives: { database: { rto: '4 hours' } } },
})

definePlan({
  system: 'shop',
  recovery: {
    objectives: { database: { rto: '1.5h', rpo: '0' } },
    kpis: { sound: { claim: 'Sound.', atLeast: '99.9%' } },
  },
  limits: { body: { of: 'a body', bytes: '5MB' }, blob: { of: 'a blob', bytes: '1MiB' } },
})
