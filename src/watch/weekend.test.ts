import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Clock } from '../clock.ts'
import { seededRandom } from '../random.ts'
import { type AlertState, alertRound, alertSetup, emptyState } from './alerts/round.ts'
import { shop } from './alerts/shop.fixture.ts'
import { type Condition, syntheticEvaluation } from './alerts/simulate.ts'
import type { InboxItem } from './notify/inbox.ts'
import { openPager, type Pager } from './notify/pager.ts'

/*
 * A weekend from Saturday midnight to Sunday midnight, lived through by a moved clock: what happens, what people do, and who must be told what and when.
 * Rounds, pager and outbox are those that watch runs with.
 */

const saturday = Date.UTC(2026, 6, 4)
const minute = 60_000
/** A moment of the weekend: day 0 is Saturday. */
const at = (day: number, time: string) => saturday + day * 86_400_000 + Date.parse(`1970-01-01T${time}:00Z`)

const desk = (reaches: string) => ({ kind: 'console' as const, reaches })
const plan = shop({
  alerts: {
    database_down: {
      when: 'up == 0',
      for: '1m',
      severity: 'critical',
      notify: ['pager'],
      inhibits: ['errors'],
      runbook: 'RB',
    },
    errors: { when: 'errors > 5', for: '5m', severity: 'high', notify: ['pager', 'chat'] },
    queue_long: { when: 'queue > 9', for: '10m', severity: 'low', notify: ['chat'] },
    backup_missing: { when: 'age > 86400', severity: 'high', notify: ['pager'] },
  },
  runbooks: { RB: { title: 'The database is down', severity: 'SEV-1', owner: 'operations', file: 'runbooks/RB.md' } },
  incidents: {
    channels: { pager: desk('on call'), lead: desk('the lead'), board: desk('the board'), chat: desk('the team') },
    severities: {
      'SEV-1': { meaning: 'The shop is down', alerts: ['critical'] },
      'SEV-2': { meaning: 'The shop is ill', alerts: ['high'] },
    },
    escalation: {
      lead: { severity: 'SEV-1', first: 'pager', after: '15m', to: ['lead'] },
      board: { severity: 'SEV-1', first: 'lead', after: '30m', to: ['board'] },
      'SEV-2': { severity: 'SEV-2', first: 'pager', after: '1h', to: ['lead'] },
    },
  },
})

const span = (when: string, fromMs: number, untilMs: number, gives: Condition['gives']): Condition => ({
  when,
  fromMs,
  untilMs,
  gives,
})

const happens = [
  // Nobody answers for an hour.
  span('up == 0', at(0, '03:00'), at(0, '04:10'), { value: 0 }),
  // Errors of the same hour have their cause in the database; nobody is told of both.
  span('errors > 5', at(0, '03:05'), at(0, '04:00'), { labels: { route: '/pay' }, value: 9 }),
  // Answered within ten minutes.
  span('errors > 5', at(0, '12:00'), at(0, '14:30'), { labels: { route: '/cart' }, value: 7 }),
  // Too short to be told.
  span('errors > 5', at(0, '17:00'), at(0, '17:04'), { labels: { route: '/cart' }, value: 7 }),
  // The store is being moved from the evening on, and whoever is on call wants the night.
  span('age > 86400', at(0, '20:00'), at(1, '09:30'), { labels: { backup: 'daily' }, value: 90_000 }),
  // It has no step of the matrix: the team reads it on Monday.
  span('queue > 9', at(1, '10:00'), at(1, '13:00'), { value: 12 }),
]

const silences = [
  {
    id: 's1',
    matchers: [{ label: 'alert', op: '=' as const, value: 'backup_missing' }],
    fromMs: at(0, '19:00'),
    untilMs: at(1, '08:00'),
    by: 'on call',
    why: 'The store is being moved',
  },
]

/** What people do, by the moment they do it. */
const answers = new Map<number, string>([
  [at(0, '04:05'), 'database_down'],
  [at(0, '12:10'), 'errors'],
])

/** A message in a line: when, to whom, what of which alerts. */
function line({ atMs, channel, message }: InboxItem): string {
  const told = message.alerts.map(({ alert, labels, status }) => {
    const of = Object.values(labels).join(',')
    return `${alert}${of === '' ? '' : `{${of}}`} ${status}`
  })
  const unanswered = message.unansweredMs === undefined ? '' : `, unanswered for ${message.unansweredMs / minute}m`
  return `${new Date(atMs).toISOString().slice(5, 16)} ${channel}: ${told.join(', ')}${unanswered}`
}

async function live(pager: Pager, to: (ms: number) => void): Promise<void> {
  const setup = alertSetup(plan)
  const evaluate = syntheticEvaluation(happens)
  let state: AlertState = { ...emptyState, silences: new Map(silences.map((silence) => [silence.id, silence])) }
  let dueMs = Number.POSITIVE_INFINITY
  for (let nowMs = saturday; nowMs < at(2, '00:00'); nowMs += minute) {
    to(nowMs)
    const round = alertRound(setup, state, { evaluate }, nowMs)
    state = round.state
    for (const notice of round.notices) pager.accept(notice)
    const answered = pager.open().find(({ alert }) => alert === answers.get(nowMs))
    if (answered !== undefined) pager.acknowledge(answered.episode, 'on call')
    if (round.notices.length > 0 || nowMs >= dueMs) dueMs = (await pager.work()).nextDueMs ?? Number.POSITIVE_INFINITY
  }
}

test('a weekend of alerts, escalations and silences is told as written here', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'aval-weekend-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  let nowMs = saturday
  const clock: Clock = { now: () => nowMs, sleep: async () => undefined }
  const pager = openPager({ directory, plan, clock, random: seededRandom(1), variables: {} })
  t.after(() => pager.close())
  await live(pager, (ms) => {
    nowMs = ms
  })
  assert.deepEqual(pager.inbox(1_000).map(line).sort(), [
    '07-04T03:01 pager: database_down firing',
    '07-04T03:16 lead: database_down firing, unanswered for 15m',
    '07-04T03:46 board: database_down firing, unanswered for 30m',
    // Everybody who was told hears of the end, when the group is told of news again: every five minutes, counted from 03:01.
    '07-04T04:11 board: database_down resolved',
    '07-04T04:11 lead: database_down resolved',
    '07-04T04:11 pager: database_down resolved',
    '07-04T12:05 chat: errors{/cart} firing',
    '07-04T12:05 pager: errors{/cart} firing',
    // Answered at 12:10: the lead is not told at 13:05.
    '07-04T14:30 chat: errors{/cart} resolved',
    '07-04T14:30 pager: errors{/cart} resolved',
    // The silence ends at eight, and then nobody answers for an hour.
    '07-05T08:00 pager: backup_missing{daily} firing',
    '07-05T09:00 lead: backup_missing{daily} firing, unanswered for 60m',
    '07-05T09:30 lead: backup_missing{daily} resolved',
    '07-05T09:30 pager: backup_missing{daily} resolved',
    '07-05T10:10 chat: queue_long firing',
    '07-05T13:00 chat: queue_long resolved',
  ])
})
