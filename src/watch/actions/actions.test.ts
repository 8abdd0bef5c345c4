import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { PlanInput } from '../../plan/plan.ts'
import { startChild } from '../../process.ts'
import { alertOf, movedClock, planWith, resolved, startMs } from '../notify/pager.fixture.ts'
import { type ActionsOptions, openActions } from './actions.ts'

type Then = NonNullable<PlanInput['alerts']>[string]['then']

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
  const perform = { scale: async ({ alert }: { alert: string }) => void done.push(alert) }
  const open = () => openActions({ directory, plan, clock, perform, deployedAtMs: () => undefined, ...options })
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
    },
    scale: async () => {},
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
  [undefined, 'withheld'],
] as const)
  test(`a release of ${age ?? 'unknown'} ms is ${expected === 'done' ? 'taken back' : 'kept'} where only one under an hour may be`, async (t) => {
    const { actions } = actionsFor(
      t,
      { rollback: { ifDeployedWithin: '1h' } },
      {
        perform: { rollback: async () => {} },
        deployedAtMs: () => (age === undefined ? undefined : startMs - age),
      },
    )
    await actions.consider(alertOf())
    assert.deepEqual(
      actions.runs().map(({ state }) => state),
      [expected],
    )
  })

test('a failover waits until the fault has lasted', async (t) => {
  const { actions, clock } = actionsFor(t, { failover: { after: '5m' } }, { perform: { failover: async () => {} } })
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

test('an action that nobody brings is held back, and says so once', async (t) => {
  const { actions } = actionsFor(t, { renew: 'certificate' })
  await actions.consider(alertOf())
  await actions.consider(alertOf())
  assert.deepEqual(
    actions.runs().map(({ action, state, reason }) => [action, state, reason]),
    [['renew', 'withheld', 'nothing here can carry it out']],
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
    const actions = openActions({ directory: ${JSON.stringify(directory)}, plan, clock: movedClock(), perform, deployedAtMs: () => undefined })
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
