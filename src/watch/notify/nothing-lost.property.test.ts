import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { startPagerDuty } from '../../receivers/pagerduty.ts'
import type { Fault } from '../../receivers/receiver.ts'
import { alertOf, noticeOn, pagerFor, planWith, resolved } from './pager.fixture.ts'

type Step =
  | { do: 'fire' | 'resolve'; alert: number }
  | { do: 'fault'; fault: Fault }
  | { do: 'work' | 'reopen' }
  | { do: 'move'; ms: number }

const alerts = 3
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('fire' as const, 'resolve' as const), alert: fc.nat(alerts - 1) }),
  fc.record({
    do: fc.constant('fault' as const),
    fault: fc.constantFrom<Fault>(
      'reset',
      'lose-answer',
      { status: 500 },
      { status: 429, headers: { 'retry-after': '7' } },
      { status: 403 },
    ),
  }),
  fc.record({ do: fc.constantFrom('work' as const, 'reopen' as const) }),
  fc.record({ do: fc.constant('move' as const), ms: fc.nat(100_000) }),
)

const seed = randomInt(2 ** 31)

test(`whatever goes wrong on the way, in the end PagerDuty shows each firing once and in its last state (seed ${seed})`, async (t) => {
  const pagerDuty = await startPagerDuty()
  t.after(pagerDuty.stop)
  const plan = planWith({ pagerduty: { kind: 'pagerduty', reaches: 'whoever is on call' } })
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 25 }), async (run) => {
      const key = pagerDuty.routingKey()
      const variables = { PAGERDUTY_URL: pagerDuty.url, PAGERDUTY_ROUTING_KEY: key }
      const { pager: first, clock, reopen } = pagerFor(t, { plan, variables })
      let pager = first
      /** When each alert began that fires, and how many times each has. */
      const since = new Map<number, number>()
      const firings = new Map<number, number>()
      for (const step of run) {
        if (step.do === 'fire' || step.do === 'resolve') {
          if ((step.do === 'fire') === since.has(step.alert)) continue
          const startedAtMs = since.get(step.alert) ?? clock.now()
          const alert = alertOf({ id: `alert ${step.alert}`, startedAtMs })
          if (step.do === 'fire') {
            since.set(step.alert, startedAtMs)
            firings.set(step.alert, (firings.get(step.alert) ?? 0) + 1)
          } else since.delete(step.alert)
          pager.accept(noticeOn('pagerduty', [step.do === 'fire' ? alert : resolved(alert)], `group ${step.alert}`))
          clock.move(1)
        } else if (step.do === 'fault') pagerDuty.fail(step.fault)
        else if (step.do === 'work') await pager.work()
        else if (step.do === 'reopen') pager = reopen()
        else if (step.do === 'move') clock.move(step.ms)
      }
      for (let turns = 0; pager.waiting().length > 0; turns++) {
        assert.ok(turns < 100, 'what waits goes out once the faults are over')
        clock.move(1_000_000)
        await pager.work()
      }
      const shown = pagerDuty.incidents.filter(({ routingKey }) => routingKey === key)
      assert.equal(shown.filter(({ status }) => status !== 'resolved').length, since.size)
      const most = [...firings.values()].reduce((sum, count) => sum + count, 0)
      assert.ok(shown.length <= most, `${shown.length} incidents of ${most} firings`)
      assert.ok(new Set(shown.map(({ dedupKey }) => dedupKey)).size === firings.size, 'no firing alert was swallowed')
    }),
    { seed, numRuns: 15 },
  )
})
