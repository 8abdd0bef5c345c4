import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alertRound, alertSetup, emptyState } from './round.ts'
import { shop } from './shop.fixture.ts'
import type { Silence } from './silence.ts'
import { followUntold } from './untold.ts'

const begin = Date.UTC(2026, 0, 5, 12)
const notify = ['pager']
const plan = shop({
  alerts: {
    told: { when: 'probe_success{probe="read"} == 0', severity: 'high', notify },
    silenced: { when: 'silenced', severity: 'high', notify },
    maintained: { when: 'maintained', severity: 'high', notify },
  },
  probes: { alone: { tcp: '127.0.0.1:1', every: '1m' }, read: { tcp: '127.0.0.1:1', every: '1m' } },
  incidents: {
    maintenance: { sunday: { schedule: '0 12 * * *', lasts: '1h', alerts: ['maintained'], why: 'pay' } },
  },
})
const silence: Silence = {
  id: 's',
  matchers: [
    { label: 'alert', op: '=', value: 'silenced' },
    { label: 'route', op: '=', value: '/pay' },
  ],
  fromMs: begin,
  untilMs: begin + 60_000,
  by: 'on call',
  why: 'known',
}

test('what fires and is told to nobody is said once, with the reason; what somebody hears of is not', () => {
  const setup = alertSetup(plan)
  const said: string[] = []
  const follow = followUntold((alert, labels, why) => said.push(`${alert} ${labels['route'] ?? ''} ${why}`))
  let state = { ...emptyState, silences: new Map([['s', silence]]) }
  const round = (atMs: number, firing: boolean) => {
    const evaluate = () => (firing ? ['/pay', '/cart'].map((route) => ({ labels: { route }, value: 1 })) : [])
    const probes = ['alone', 'read'].map((probe) => ({ probe, ok: !firing }))
    state = { ...alertRound(setup, state, { evaluate, probes }, atMs).state, silences: state.silences }
    follow(state.rules, { ...setup, silences: [...state.silences.values()] }, atMs)
    return said.splice(0).toSorted()
  }
  const first = [
    'probe:alone  it names no channel: nobody is told and no incident opens',
    'probe:read  it names no channel: people hear of it by told',
    'maintained /cart in maintenance until 2026-01-05T13:00:00.000Z: nobody is told and no incident opens',
    'maintained /pay in maintenance until 2026-01-05T13:00:00.000Z: nobody is told and no incident opens',
    'silenced /pay silenced until 2026-01-05T12:01:00.000Z by on call: nobody is told and no incident opens',
  ]
  assert.deepEqual(round(begin, true), first.toSorted())
  assert.deepEqual(round(begin + 5_000, true), [])
  assert.deepEqual(round(begin + 10_000, false), [])
  // It began anew, and the silence has ended.
  const later = round(begin + 70_000, true)
  assert.deepEqual(later, first.filter((line) => !line.startsWith('silenced')).toSorted())
})
