import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlanInput } from '../../plan/plan.ts'
import type { AlertSeverity } from '../alerts/notice.ts'
import { alertOf, noticeOn, pagerFor, planWith, resolved, startMs } from './pager.fixture.ts'

const minute = 60_000
const hour = 60 * minute
const roles = ['team', 'oncall', 'cto', 'ceo', 'devops-lead', 'team-lead'] as const
const channels = Object.fromEntries(roles.map((name) => [name, { kind: 'console' as const, reaches: name }]))

/** The matrix of the Bloom documents, §4.4, and one that goes on after its first step. */
const incidents = {
  channels,
  severities: {
    'SEV-1': { meaning: 'The system is down', alerts: ['critical'] },
    'SEV-2': { meaning: 'A critical function is degraded', alerts: ['high'] },
    'SEV-3': { meaning: 'Something that is not critical fails', alerts: ['warning', 'medium'] },
    'SEV-4': { meaning: 'Something small is wrong', alerts: ['low'] },
  },
  escalation: {
    'SEV-1': { severity: 'SEV-1', first: 'oncall', after: '15m', to: ['cto', 'ceo'] },
    'SEV-2': { severity: 'SEV-2', first: 'oncall', after: '1h', to: ['devops-lead'] },
    'SEV-3': { severity: 'SEV-3', first: 'oncall', after: '4h', to: ['team-lead'] },
  },
} satisfies PlanInput['incidents']

function planFor(
  severity: AlertSeverity,
  escalation: NonNullable<PlanInput['incidents']>['escalation'] = incidents.escalation,
) {
  return planWith(channels, {
    alerts: { errors_high: { when: 'errors > 5', severity, notify: ['oncall'], summary: 'Requests fail' } },
    runbooks: {},
    incidents: { ...incidents, escalation },
  })
}

const matrix: [AlertSeverity, number, string[]][] = [
  ['critical', 15 * minute, ['ceo', 'cto']],
  ['high', hour, ['devops-lead']],
  ['warning', 4 * hour, ['team-lead']],
  ['medium', 4 * hour, ['team-lead']],
]

for (const [severity, afterMs, to] of matrix)
  test(`nobody answers ${severity}: after ${afterMs / minute} minutes ${to.join(' and ')} are told, once`, async (t) => {
    const { pager, clock, reopen } = pagerFor(t, { plan: planFor(severity) })
    const told = () =>
      pager
        .inbox()
        .map(({ channel }) => channel)
        .filter((channel) => channel !== 'oncall')
        .sort()
    pager.accept(noticeOn('oncall'))
    const { nextDueMs } = await pager.work()
    assert.equal(nextDueMs, startMs + afterMs)
    clock.move(afterMs - 1)
    await pager.work()
    assert.deepEqual(told(), [])
    clock.move(1)
    await pager.work()
    assert.deepEqual(told(), to)
    assert.match(pager.inbox(1)[0]?.text ?? '', /Nobody answered for (15m|1h|4h)\./)
    const again = reopen()
    clock.move(100 * hour)
    await again.work()
    assert.equal(again.inbox().length, 1 + to.length)
  })

test('somebody who answers in time stops it', async (t) => {
  const { pager, clock } = pagerFor(t, { plan: planFor('critical') })
  pager.accept(noticeOn('oncall'))
  await pager.work()
  clock.move(15 * minute - 1)
  const [open] = pager.open()
  assert.ok(open)
  assert.deepEqual(pager.acknowledge(open.episode, 'on call'), [open.episode])
  clock.move(hour)
  pager.accept(noticeOn('oncall', [alertOf({ value: 9 })]))
  await pager.work()
  clock.move(hour)
  await pager.work()
  assert.equal(pager.inbox().length, 1)
})

test('an alert that ends stops it, and whoever was told of it hears of the end', async (t) => {
  const { pager, clock } = pagerFor(t, { plan: planFor('critical') })
  pager.accept(noticeOn('oncall'))
  await pager.work()
  clock.move(15 * minute)
  await pager.work()
  pager.accept(noticeOn('oncall', [resolved()]))
  await pager.work()
  const ends = pager.inbox().filter(({ message }) => message.status === 'resolved')
  assert.deepEqual(ends.map(({ channel }) => channel).sort(), ['ceo', 'cto', 'oncall'])
})

test('the same alert that fires again later is escalated anew', async (t) => {
  const { pager, clock } = pagerFor(t, { plan: planFor('high') })
  pager.accept(noticeOn('oncall'))
  pager.accept(noticeOn('oncall', [resolved()]))
  await pager.work()
  clock.move(hour)
  pager.accept(noticeOn('oncall', [alertOf({ startedAtMs: clock.now() })]))
  await pager.work()
  clock.move(hour)
  await pager.work()
  assert.equal(pager.inbox().filter(({ channel }) => channel === 'devops-lead').length, 1)
})

test('a step may go on from where another ends', async (t) => {
  const plan = planFor('critical', {
    lead: { severity: 'SEV-1', first: 'oncall', after: '10m', to: ['devops-lead'] },
    board: { severity: 'SEV-1', first: 'devops-lead', after: '20m', to: ['cto'] },
  })
  const { pager, clock } = pagerFor(t, { plan })
  const told = () => pager.inbox().map(({ channel }) => channel)
  pager.accept(noticeOn('oncall'))
  await pager.work()
  clock.move(10 * minute)
  await pager.work()
  assert.deepEqual(told().sort(), ['devops-lead', 'oncall'])
  clock.move(20 * minute)
  await pager.work()
  assert.deepEqual(told().sort(), ['cto', 'devops-lead', 'oncall'])
})

test('the first responder of the matrix is told though the alert names only the team', async (t) => {
  const plan = planWith(channels, {
    alerts: { errors_high: { when: 'errors > 5', severity: 'high', notify: ['team'] } },
    runbooks: {},
    incidents,
  })
  const { pager } = pagerFor(t, { plan })
  pager.accept(noticeOn('team'))
  await pager.work()
  assert.deepEqual(
    pager
      .inbox()
      .map(({ channel }) => channel)
      .sort(),
    ['oncall', 'team'],
  )
})

test('what has no severity in the matrix is told to whom the alert names and to nobody else', async (t) => {
  const { pager, clock } = pagerFor(t, { plan: planFor('low') })
  pager.accept(noticeOn('oncall'))
  const { nextDueMs } = await pager.work()
  assert.equal(nextDueMs, undefined)
  clock.move(1_000 * hour)
  await pager.work()
  assert.equal(pager.inbox().length, 1)
})
