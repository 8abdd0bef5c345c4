import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { PlanInput } from '../../plan/plan.ts'
import { startChild } from '../../process.ts'
import { alertOf, movedClock, planWith, resolved } from '../notify/pager.fixture.ts'
import { type ActionsOptions, openActions, type Performed } from './actions.ts'

type Then = NonNullable<PlanInput['alerts']>[string]['then']

const performed: Performed = { state: 'done' }

function actionsFor(t: TestContext, then: Then, options: Partial<ActionsOptions> = {}) {
  const plan = planWith(
    { pager: { kind: 'console', reaches: 'whoever is on call' } },
    {
      alerts: {
        errors_high: { when: 'errors > 5', severity: 'high', notify: ['pager'], ...(then ? { then } : {}) },
        queue_long: { when: 'queue > 5', severity: 'high', notify: ['pager'], ...(then ? { then } : {}) },
      },
    },
  )
  const directory = mkdtempSync(join(tmpdir(), 'aval-actions-'))
  const clock = movedClock()
  const done: string[] = []
  const perform = {
    scale: async ({ alert }: { alert: string }) => {
      done.push(alert)
      return performed
    },
  }
  const open = () => openActions({ directory, plan, clock, perform, ...options })
  const actions = open()
  t.after(() => {
    actions.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return { actions, clock, done, directory, open }
}

test('an action is carried out once a firing, across a restart as well', async (t) => {
  const { actions, done, open } = actionsFor(t, { scale: true })
  await actions.consider(alertOf())
  await actions.consider(alertOf())
  const again = open()
  t.after(() => again.close())
  await again.consider(alertOf())
  await again.consider(resolved())
  assert.deepEqual(done, ['errors_high'])
  assert.deepEqual(
    again.runs().map(({ state }) => state),
    ['done'],
  )
})

test('within the cool-down another firing waits, and is served after it', async (t) => {
  const { actions, clock, done } = actionsFor(t, { scale: true, coolDown: '10m' })
  await actions.consider(alertOf())
  clock.move(599_999)
  await actions.consider(alertOf({ alert: 'queue_long', id: 'queue' }))
  assert.deepEqual(done, ['errors_high'])
  clock.move(1)
  await actions.consider(alertOf({ alert: 'queue_long', id: 'queue' }))
  assert.deepEqual(done, ['errors_high', 'queue_long'])
  assert.deepEqual(
    actions.runs().map(({ state, reason }) => [state, reason]),
    [
      ['done', undefined],
      ['withheld', 'cool-down'],
      ['done', undefined],
    ],
  )
})

test('never two at a time, whatever they are', async (t) => {
  const begun = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const perform = {
    failover: async () => {
      begun.resolve()
      await finish.promise
      return performed
    },
    scale: async () => performed,
  }
  const { actions, open } = actionsFor(t, { failover: { after: '1m' }, scale: true }, { perform })
  const other = open()
  t.after(() => other.close())
  const first = actions.consider(alertOf())
  await begun.promise
  assert.deepEqual(await other.consider(alertOf({ alert: 'queue_long', id: 'queue' })), [])
  assert.deepEqual(
    other.runs().map(({ action, state, reason }) => [action, state, reason]),
    [
      ['failover', 'begun', undefined],
      ['failover', 'withheld', 'another action runs'],
      ['scale', 'withheld', 'another action runs'],
    ],
  )
  finish.resolve()
  assert.deepEqual(
    (await first).map(({ action, state }) => [action, state]),
    [
      ['failover', 'done'],
      ['scale', 'done'],
    ],
  )
})

for (const [age, expected] of [
  [3_600_000, 'done'],
  [3_600_001, 'withheld'],
] as const)
  test(`a release of ${age} ms is ${expected === 'done' ? 'taken back' : 'kept'} where only one under an hour may be`, async (t) => {
    const { actions, clock, open } = actionsFor(
      t,
      { rollback: { ifDeployedWithin: '1h' } },
      { perform: { rollback: async () => performed } },
    )
    actions.running('first')
    actions.running('second')
    clock.move(age)
    // A start of the same version is no release, nor is a restart of whoever watches.
    const again = open()
    t.after(() => again.close())
    again.running('second')
    await again.consider(alertOf())
    assert.deepEqual(
      again.runs().map(({ state }) => state),
      [expected],
    )
  })

test('nothing is taken back where nobody saw a release: of the version found first it is not known since when it runs', async (t) => {
  const { actions } = actionsFor(
    t,
    { rollback: { ifDeployedWithin: '1h' } },
    { perform: { rollback: async () => performed } },
  )
  actions.running('first')
  await actions.consider(alertOf())
  assert.deepEqual(
    actions.runs().map(({ state, reason }) => [state, reason]),
    [['withheld', 'no release is known']],
  )
})

test('a failover waits until the fault has lasted', async (t) => {
  const { actions, clock } = actionsFor(
    t,
    { failover: { after: '5m' } },
    { perform: { failover: async () => performed } },
  )
  clock.move(239_999)
  assert.deepEqual(await actions.consider(alertOf()), [])
  clock.move(1)
  assert.deepEqual(
    (await actions.consider(alertOf())).map(({ state }) => state),
    ['done'],
  )
})

test('an action that fails is recorded without what it said, and not repeated', async (t) => {
  const { actions } = actionsFor(
    t,
    { scale: true },
    {
      perform: {
        scale: async () => {
          throw new Error('maria.lopez@example.org is affected')
        },
      },
    },
  )
  await actions.consider(alertOf())
  await actions.consider(alertOf())
  assert.deepEqual(
    actions.runs().map(({ state, reason }) => [state, reason]),
    [['failed', 'it threw']],
  )
})

test('an action that nobody brings is left to a person, says so once, and keeps no other from being done', async (t) => {
  const { actions, clock } = actionsFor(t, { renew: 'certificate', scale: true, coolDown: '10m' })
  await actions.consider(alertOf())
  await actions.consider(alertOf())
  assert.deepEqual(
    actions.runs().map(({ action, state, reason }) => [action, state, reason]),
    [
      ['scale', 'done', undefined],
      ['renew', 'by hand', 'the plan names no command for it; RB-1 says what to do'],
    ],
  )
  clock.move(1)
  await actions.consider(alertOf({ alert: 'queue_long', id: 'queue', runbook: undefined }))
  assert.deepEqual(
    actions
      .runs()
      .map(({ action, state, reason }) => [action, state, reason])
      .slice(2),
    [
      ['scale', 'withheld', 'cool-down'],
      ['renew', 'by hand', 'the plan names no command for it'],
    ],
  )
})

test('how an action ended is recorded as whoever carried it out says', async (t) => {
  const { actions } = actionsFor(
    t,
    { failover: { after: '1m' }, cleanUp: true },
    {
      perform: {
        failover: async () => ({ state: 'by hand', reason: 'there is no standby' }),
        cleanUp: async () => ({ state: 'done', reason: 'exports: 3 files' }),
      },
    },
  )
  await actions.consider(alertOf())
  await actions.consider(alertOf())
  assert.deepEqual(
    actions.runs().map(({ action, state, reason }) => [action, state, reason]),
    [
      ['failover', 'by hand', 'there is no standby'],
      ['cleanUp', 'done', 'exports: 3 files'],
    ],
  )
})

test("a process killed in the middle of an action leaves it interrupted: not repeated, and in nobody else's way", async (t) => {
  const { actions, clock, done, directory } = actionsFor(t, { scale: true })
  const script = `
    import { openActions } from ${JSON.stringify(join(import.meta.dirname, 'actions.ts'))}
    import { alertOf, movedClock, planWith } from ${JSON.stringify(join(import.meta.dirname, '../notify/pager.fixture.ts'))}
    const plan = planWith({ pager: { kind: 'console', reaches: 'x' } }, {
      alerts: { errors_high: { when: 'errors > 5', severity: 'high', notify: ['pager'], then: { scale: true } } },
    })
    const perform = { scale: () => { console.log('begun'); return new Promise(() => setInterval(() => {}, 1000)) } }
    const actions = openActions({ directory: ${JSON.stringify(directory)}, plan, clock: movedClock(), perform })
    await actions.consider(alertOf())`
  const child = await startChild({ program: process.execPath, args: ['--input-type=module-typescript', '-e', script] })
  await new Promise<void>((resolve, reject) => {
    child.process.stdout?.once('data', () => resolve())
    void child.ended.then(({ code }) => reject(new Error(`the child ended with ${code}`)))
  })
  assert.deepEqual(
    (await actions.consider(alertOf({ alert: 'queue_long', id: 'queue' }))).map(({ state }) => state),
    [],
    'the other process still works',
  )
  await child.stop({ signal: 'SIGKILL' })
  await actions.consider(alertOf())
  clock.move(1_800_000)
  await actions.consider(alertOf())
  await actions.consider(alertOf({ alert: 'queue_long', id: 'queue' }))
  assert.deepEqual(done, ['queue_long'])
  assert.equal(actions.runs()[0]?.state, 'interrupted')
})
