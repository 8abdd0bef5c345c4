import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alertSetup } from './round.ts'
import { line, shop } from './shop.fixture.ts'
import { type Condition, simulate, syntheticEvaluation } from './simulate.ts'

const saturday = Date.UTC(2026, 6, 4)
/** A moment of the weekend: day 0 is Saturday. */
const at = (day: number, time: string) => saturday + day * 86_400_000 + Date.parse(`1970-01-01T${time}:00Z`)

const plan = shop({
  alerts: {
    database_down: {
      when: 'up == 0',
      for: '1m',
      severity: 'critical',
      notify: ['pager'],
      runbook: 'RB',
      inhibits: ['errors'],
    },
    errors: { when: 'errors > 5', for: '5m', severity: 'warning', notify: ['chat'] },
    queue_long: { when: 'queue > 9', for: '10m', keepFiringFor: '15m', severity: 'medium', notify: ['chat'] },
    backup_missing: { when: 'age > 86400', severity: 'high', notify: ['pager'] },
    conversion_low: {
      when: 'conversion < 0.1',
      severity: 'high',
      notify: ['chat'],
      minimumSample: { of: 'visits', atLeast: 100 },
    },
    ...Object.fromEntries(
      Array.from({ length: 45 }, (_, index) => [
        `quiet_${index}`,
        { when: `quiet_${index} > 1`, severity: 'low' as const, notify: ['chat'] },
      ]),
    ),
  },
  incidents: {
    maintenance: {
      vacuum: {
        schedule: '0 2 * * 0',
        timeZone: 'America/Mexico_City',
        lasts: '2h',
        alerts: ['queue_long'],
        why: 'Tables are rebuilt',
      },
    },
    heartbeat: { notify: ['watchdog'], every: '1d' },
  },
})

const span = (when: string, from: number, until: number, gives: Condition['gives']): Condition => ({
  when,
  fromMs: from,
  untilMs: until,
  gives,
})

const conditions = [
  // Enough visits by day only; the rate looks low all of Saturday.
  span('visits', at(0, '08:00'), at(0, '22:00'), { value: 4_000 }),
  span('conversion < 0.1', at(0, '00:00'), at(0, '09:00'), { value: 0.05 }),
  // Errors come in bursts shorter than five minutes, then stay; the database is why.
  span('errors > 5', at(0, '01:00'), at(0, '01:04'), { labels: { route: '/pay' }, value: 9 }),
  span('errors > 5', at(0, '10:00'), at(0, '11:00'), { labels: { route: '/pay', patient: 'x' }, value: 9 }),
  span('errors > 5', at(0, '10:20'), at(0, '10:40'), { labels: { route: '/cart' }, value: 7 }),
  span('up == 0', at(0, '10:10'), at(0, '10:30'), { value: 0 }),
  // The evaluation fails in the middle: nothing ends, nothing begins.
  span('up == 0', at(0, '10:15'), at(0, '10:18'), { problem: 'query timed out' }),
  // A backup is missing from the evening on; whoever is on call silences it for the night.
  span('age > 86400', at(0, '20:00'), at(1, '09:30'), { labels: { backup: 'daily' }, value: 90_000 }),
  // The queue is long during the maintenance of the night, two in Mexico City, and shortly after.
  span('queue > 9', at(1, '08:00'), at(1, '10:05'), { value: 12 }),
]

const silences = [
  {
    id: 's1',
    matchers: [{ label: 'alert', op: '=' as const, value: 'backup_missing' }],
    fromMs: at(0, '20:10'),
    untilMs: at(1, '08:00'),
    by: 'on call',
    why: 'The store is being moved',
  },
]

test('a weekend is told as written here', () => {
  const setup = alertSetup(plan)
  const { notices, state } = simulate({
    setup,
    fromMs: saturday,
    untilMs: at(2, '00:00'),
    stepMs: 15_000,
    evaluate: syntheticEvaluation(conditions),
    silences,
  })
  assert.deepEqual(notices.map(line), [
    '07-04T00:00:00 watchdog: pager:heartbeat firing',
    // Until eight too few visits were seen; then the condition still holds, and it ends at nine.
    '07-04T08:00:00 chat: conversion_low firing',
    '07-04T09:00:00 chat: conversion_low resolved',
    '07-04T10:05:00 chat: errors{/pay} firing',
    '07-04T10:11:00 pager: database_down firing',
    // The cart's errors ripen at 10:25, while the database is down, and are told once it is back.
    '07-04T10:30:00 chat: errors{/pay} firing, errors{/cart} firing',
    '07-04T10:31:00 pager: database_down resolved',
    '07-04T10:40:00 chat: errors{/pay} firing, errors{/cart} resolved',
    '07-04T11:00:00 chat: errors{/pay} resolved',
    '07-04T20:00:00 pager: backup_missing{daily} firing',
    '07-05T00:00:00 watchdog: pager:heartbeat firing',
    // The silence ends at eight, and what still fires has not been told for longer than four hours.
    '07-05T08:00:00 pager: backup_missing{daily} firing',
    '07-05T09:30:00 pager: backup_missing{daily} resolved',
    // Two to four in Mexico City is eight to ten here; the end comes fifteen minutes after the queue is short.
    '07-05T10:00:00 chat: queue_long firing',
    '07-05T10:20:00 chat: queue_long resolved',
  ])
  // Only what fires, and what nothing is known of for want of visits.
  assert.deepEqual([...state.rules.keys()], ['conversion_low', 'pager:heartbeat'])
})
