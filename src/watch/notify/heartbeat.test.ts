import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPagerDuty } from '../../../test/receivers/pagerduty.ts'
import { beat, heartbeatOf } from './heartbeat.ts'
import { pagerFor, planWith } from './pager.fixture.ts'

const hour = 3_600_000

test('a pager that is tried every hour is fine while the beats arrive, and late when they do not', async (t) => {
  const pagerDuty = await startPagerDuty()
  t.after(pagerDuty.stop)
  const plan = planWith({ pagerduty: { kind: 'pagerduty', reaches: 'whoever is on call' } })
  const variables = { PAGERDUTY_URL: pagerDuty.url, PAGERDUTY_ROUTING_KEY: pagerDuty.routingKey() }
  const { pager, clock } = pagerFor(t, { plan, variables })
  const state = () => heartbeatOf(pager, 'pagerduty', hour, clock.now()).state
  const anHour = async () => {
    beat(pager, 'pagerduty', hour, clock.now())
    beat(pager, 'pagerduty', hour, clock.now())
    await pager.work()
    clock.move(hour)
  }

  assert.equal(state(), 'never tried')
  await anHour()
  await anHour()
  assert.equal(state(), 'fine')
  assert.deepEqual(
    pagerDuty.incidents.map(({ status, severity, triggers }) => [status, severity, triggers]),
    [
      ['resolved', 'info', 1],
      ['triggered', 'info', 1],
    ],
  )
  pagerDuty.failAlways({ status: 500 })
  await anHour()
  assert.equal(state(), 'fine', 'one may be on its way')
  await anHour()
  assert.equal(state(), 'late')
  assert.equal(heartbeatOf(pager, 'pagerduty', hour, clock.now()).reason, 'status 500')
  pagerDuty.failAlways(undefined)
  await anHour()
  assert.equal(state(), 'fine')
})

test('a channel whose secret is missing is found by its first beat', async (t) => {
  const plan = planWith({ pagerduty: { kind: 'pagerduty', reaches: 'whoever is on call' } })
  const { pager, clock } = pagerFor(t, { plan })
  beat(pager, 'pagerduty', hour, clock.now())
  await pager.work()
  clock.move(hour + 1)
  const { state, reason } = heartbeatOf(pager, 'pagerduty', hour, clock.now())
  assert.deepEqual([state, reason], ['late', 'not set: PAGERDUTY_ROUTING_KEY'])
})
