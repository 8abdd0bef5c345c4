import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPagerDuty } from '../../receivers/pagerduty.ts'
import { heartbeatName } from '../alerts/rule.ts'
import { heartbeats } from './heartbeat.ts'
import { alertOf, noticeOn, pagerFor, planWith, startMs } from './pager.fixture.ts'

const hour = 3_600_000
const channels = { pagerduty: { kind: 'pagerduty' as const, reaches: 'whoever is on call' } }
const plan = planWith(channels, {
  incidents: {
    channels,
    heartbeat: { notify: ['pagerduty'], every: '1h' },
    severities: { all: { meaning: 'Anything', alerts: ['critical', 'low'] } },
    escalation: { all: { severity: 'all', first: 'pagerduty', after: '1m', to: ['pagerduty'] } },
  },
})
/** As evaluation hands it in: it never ends, and every interval it is told again. */
const beat = noticeOn(
  'pagerduty',
  [alertOf({ id: heartbeatName, alert: heartbeatName, severity: 'low', labels: {}, startedAtMs: startMs })],
  heartbeatName,
)

test('a pager that is tried every hour is fine while the beats arrive, and late when they do not', async (t) => {
  const pagerDuty = await startPagerDuty()
  t.after(pagerDuty.stop)
  const variables = { PAGERDUTY_URL: pagerDuty.url, PAGERDUTY_ROUTING_KEY: pagerDuty.routingKey() }
  const { pager, clock } = pagerFor(t, { plan, variables })
  const state = () => heartbeats(plan, pager, clock.now())[0]?.state
  const anHour = async () => {
    pager.accept(beat)
    pager.accept(beat)
    await pager.work()
    clock.move(hour)
  }

  assert.equal(state(), 'silent')
  await anHour()
  await anHour()
  assert.equal(state(), 'fine')
  assert.deepEqual(
    pagerDuty.incidents.map(({ status, severity, triggers }) => [status, severity, triggers]),
    [['triggered', 'info', 2]],
  )
  pagerDuty.failAlways({ status: 500 })
  await anHour()
  assert.equal(state(), 'fine', 'one may be on its way')
  await anHour()
  assert.equal(state(), 'late')
  assert.equal(heartbeats(plan, pager, clock.now())[0]?.reason, 'status 500')
  pagerDuty.failAlways(undefined)
  await anHour()
  assert.equal(state(), 'fine')
})

test('a channel whose secret is missing is found by its first beat', async (t) => {
  const { pager, clock } = pagerFor(t, { plan })
  pager.accept(beat)
  await pager.work()
  clock.move(hour)
  assert.equal(heartbeats(plan, pager, clock.now())[0]?.state, 'fine')
  clock.move(1)
  const [found] = heartbeats(plan, pager, clock.now())
  assert.deepEqual([found?.state, found?.reason], ['late', 'not set: PAGERDUTY_ROUTING_KEY'])
})

test('a beat wakes nobody, though the matrix covers its severity', async (t) => {
  const { pager, clock } = pagerFor(t, { plan })
  pager.accept(beat)
  clock.move(10 * hour)
  await pager.work()
  assert.deepEqual(
    pager.waiting().map(({ message }) => message.unansweredMs),
    [undefined],
  )
})

test('beats of days ago are forgotten, and the last that arrived is not', async (t) => {
  const desk = { desk: { kind: 'console' as const, reaches: 'the desk' } }
  const quiet = planWith(desk, { incidents: { channels: desk, heartbeat: { notify: ['desk'], every: '1h' } } })
  const { pager, clock } = pagerFor(t, { plan: quiet })
  for (let beats = 0; beats < 30; beats++) {
    pager.accept({ ...beat, channel: 'desk' })
    await pager.work()
    clock.move(hour)
  }
  const kept = () => pager.told(pager.open()[0]?.episode ?? '').length
  assert.equal(kept(), 25)
  clock.move(100 * 24 * hour)
  await pager.work()
  assert.equal(kept(), 1)
})
