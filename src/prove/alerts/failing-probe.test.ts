import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PlanInput, parsePlan } from '../../plan/plan.ts'
import { rulesOf } from '../../watch/alerts/rule.ts'
import { failingProbe } from './failing-probe.ts'

const startMs = Date.UTC(2026, 2, 4, 5)
const minute = 60_000

function shop(probe: NonNullable<PlanInput['probes']>[string]) {
  const parsed = parsePlan({
    system: 'shop',
    probes: { site: probe },
    alerts: { other: { when: 'x > 1', severity: 'low', notify: ['pager'] } },
    incidents: { channels: { pager: { kind: 'slack', reaches: 'whoever is on call' } }, routing: { groupWait: '10s' } },
  })
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems))
  const { plan } = parsed
  const ruleOf = (name: string) => {
    const rule = rulesOf(plan).find((each) => each.name === name)
    assert.ok(rule)
    return rule
  }
  return { plan, ruleOf }
}

test('a probe that fails at every asking is told of once, when it has failed often enough', () => {
  const { plan, ruleOf } = shop({ http: 'https://shop.example', every: '1m', failures: 3, notify: ['pager'] })
  const { notices, toldAfterMs } = failingProbe(plan, ruleOf('probe:site'), startMs)
  assert.deepEqual(
    notices.map(({ channel, status, atMs }) => [channel, status, (atMs - startMs) / minute]),
    [['pager', 'firing', 3]],
  )
  assert.equal(toldAfterMs, 3 * minute)
})

test('an alert is no probe', () => {
  const { plan, ruleOf } = shop({ http: 'https://shop.example', every: '1m' })
  assert.throws(() => failingProbe(plan, ruleOf('other'), startMs), RangeError)
})
