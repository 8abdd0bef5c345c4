import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Verdict } from '../../ledger/evidence.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Evaluation } from './reading.ts'
import { type AlertState, alertRound, alertSetup, emptyState, type RoundInput } from './round.ts'
import { line, shop } from './shop.fixture.ts'

const minute = 60_000

/** What is told over rounds that are a minute apart. */
function told(plan: Plan, rounds: readonly Partial<RoundInput>[]): string[] {
  const setup = alertSetup(plan)
  let state: AlertState = emptyState
  return rounds.flatMap((input, index) => {
    const result = alertRound(setup, state, { evaluate: () => [], ...input }, index * minute)
    state = result.state
    return result.notices.map((notice) => line(notice).slice(6))
  })
}

const routing = { groupInterval: '1m' } as const

test('a probe counts once it failed as often in a row as the plan says, and is as grave as its runbook', () => {
  const plan = shop({
    probes: { api: { http: 'https://shop.example/', every: '1m', failures: 3, notify: ['pager'], runbook: 'RB' } },
    runbooks: { RB: { title: 'Down', severity: 'worst', owner: 'the team', file: 'rb.md' } },
    incidents: { routing, severities: { worst: { meaning: 'Down', alerts: ['high', 'critical'] } } },
  })
  const answers = [false, false, true, false, false, false, false, true]
  const rounds = answers.map((ok) => ({ probes: [{ probe: 'api', ok }] }))
  assert.deepEqual(told(plan, rounds), ['00:05:00 pager: probe:api firing', '00:07:00 pager: probe:api resolved'])
  assert.equal(alertSetup(plan).rules.get('probe:api')?.severity, 'critical')
})

test('a guarantee that becomes refuted or stale is told like any alert, by the severity of each', () => {
  const plan = shop({
    incidents: { routing: { ...routing, severities: { high: ['pager'] } }, guarantees: { notify: ['chat'] } },
  })
  const verdicts: Verdict[] = ['proven', 'stale', 'proven', 'unproven', 'inconclusive', 'refuted', 'proven']
  const rounds = verdicts.map((verdict) => ({ guarantees: [{ id: 'recovery/database/rto', verdict }] }))
  assert.deepEqual(told(plan, rounds), [
    '00:01:00 chat: guarantee:recovery/database/rto firing',
    '00:02:00 chat: guarantee:recovery/database/rto resolved',
    '00:05:00 chat: guarantee:recovery/database/rto firing',
    '00:05:00 pager: guarantee:recovery/database/rto firing',
    '00:06:00 chat: guarantee:recovery/database/rto resolved',
    '00:06:00 pager: guarantee:recovery/database/rto resolved',
  ])
})

test('the heartbeat comes while evaluation works and stays away while it does not', () => {
  const plan = shop({ incidents: { heartbeat: { notify: ['watchdog'] } } })
  const works: Evaluation = [{ labels: {}, value: 1 }]
  const answers: Evaluation[] = [works, works, { problem: 'the store is gone' }, { problem: 'still' }, works]
  assert.deepEqual(
    told(
      plan,
      answers.map((answer) => ({ evaluate: () => answer })),
    ),
    [0, 1, 4].map((at) => `00:0${at}:00 watchdog: pager:heartbeat firing`),
  )
})

test('an alert whose rule leaves the plan ends', () => {
  const alerts = { errors: { when: 'errors > 5', severity: 'high' as const, notify: ['pager'] } }
  const evaluate = () => [{ labels: {}, value: 9 }]
  const before = alertRound(alertSetup(shop({ alerts, incidents: { routing } })), emptyState, { evaluate }, 0)
  const after = alertRound(alertSetup(shop({ incidents: { routing } })), before.state, { evaluate }, minute)
  assert.deepEqual(after.notices.map(line), ['01-01T00:01:00 pager: errors resolved'])
  assert.deepEqual([...after.state.rules.keys(), ...after.state.groups.keys()], [])
})

test('nothing is told of a label or a value that the plan does not list, and two series that differ in it become one', () => {
  const plan = shop({
    alerts: {
      errors: {
        when: 'errors > 5',
        severity: 'high',
        notify: ['pager'],
        summary: '{{value}} on {{route}}, {{patient}}',
      },
    },
  })
  const evaluate = () => [
    { labels: { route: '/pay', patient: 'Ana' }, value: 6 },
    { labels: { route: '/pay', patient: 'Eva' }, value: 7 },
    { labels: { route: '/users/ana' }, value: 8 },
  ]
  const { notices, state } = alertRound(alertSetup(plan), emptyState, { evaluate }, 0)
  const shown = notices.flatMap(({ alerts }) => alerts.map(({ summary, labels }) => ({ summary, labels })))
  assert.deepEqual(
    shown.toSorted((a, b) => (a.summary < b.summary ? -1 : 1)),
    [
      { summary: '7 on /pay, other', labels: { route: '/pay' } },
      { summary: '8 on other, other', labels: { route: 'other' } },
    ],
  )
  assert.doesNotMatch(JSON.stringify([...state.rules, ...state.groups]), /Ana|Eva|ana/)
})

test('alerts of one group are one message, and a later one waits for the interval', () => {
  const plan = shop({
    alerts: {
      a: { when: 'a', severity: 'high', notify: ['pager'] },
      b: { when: 'b', severity: 'high', notify: ['pager'] },
      c: { when: 'c', severity: 'low', notify: ['pager'] },
    },
    incidents: { routing: { groupBy: ['severity'], groupWait: '1m', groupInterval: '3m' } },
  })
  const fires = (names: string) => ({
    evaluate: ({ when }: { when: string }) => (names.includes(when) ? [{ labels: {}, value: 1 }] : []),
  })
  assert.deepEqual(told(plan, ['a', 'a', 'abc', 'abc', 'abc'].map(fires)), [
    '00:01:00 pager: a firing',
    '00:03:00 pager: c firing',
    '00:04:00 pager: a firing, b firing',
  ])
})

test('time in which nothing could be seen does not count, and ends nothing', () => {
  const plan = shop({
    alerts: { errors: { when: 'errors > 5', for: '3m', severity: 'high', notify: ['pager'] } },
    incidents: { routing },
  })
  const yes: Evaluation = [{ labels: {}, value: 9 }]
  const no: Evaluation = { problem: 'no answer' }
  const gone: Evaluation = { missing: ['errors'] }
  const answers: Evaluation[] = [yes, no, gone, no, yes, yes, yes, yes, no, gone, []]
  assert.deepEqual(
    told(
      plan,
      answers.map((answer) => ({ evaluate: () => answer })),
    ),
    ['00:07:00 pager: errors firing', '00:10:00 pager: errors resolved'],
  )
})
