import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Plan, type PlanInput, parsePlan } from '../../plan/plan.ts'
import { type AlertRule, rulesOf } from '../../watch/alerts/rule.ts'
import { rehearse } from './rehearse.ts'

const startMs = Date.UTC(2026, 2, 4, 5)

/** A shop whose services emit one metric of each kind, with one alert. */
function shop(when: string, more: { for?: '5m' | '0s' } = {}): { plan: Plan; rule: AlertRule } {
  const metrics: NonNullable<PlanInput['telemetry']>['metrics'] = {
    queue_length: { type: 'gauge', help: 'Waiting', emittedBy: ['api'] },
    last_backup_timestamp_seconds: { type: 'gauge', help: 'When', emittedBy: ['aval'] },
    requests_total: { type: 'counter', help: 'Answered', labels: ['status'], emittedBy: ['api'] },
    failures_total: { type: 'counter', help: 'Failed', emittedBy: ['api'] },
    answer_seconds: { type: 'histogram', help: 'Time', buckets: [0.1, 1, 10], emittedBy: ['api'] },
    unheard_total: { type: 'counter', help: 'Nobody emits it' },
  }
  const parsed = parsePlan({
    system: 'shop',
    telemetry: { metrics, labels: { status: ['200', '500'] } },
    alerts: { it: { when, for: more.for ?? '5m', severity: 'high', notify: ['pager'], summary: 'It is bad' } },
    incidents: { channels: { pager: { kind: 'slack', reaches: 'whoever is on call' } } },
  })
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems))
  const rule = rulesOf(parsed.plan).find(({ name }) => name === 'it')
  assert.ok(rule)
  return { plan: parsed.plan, rule }
}

function breachOf(when: string, running?: (rule: AlertRule) => AlertRule): string | undefined {
  const { plan, rule } = shop(when)
  const made = rehearse(plan, rule, startMs, running?.(rule))
  return made.kept ? undefined : made.breach
}

describe('an alert is brought to its bound', () => {
  const bounds: Record<string, number> = {
    'queue_length > 10': 10,
    'sum(rate(failures_total[5m])) > 3': 3,
    'sum(rate(failures_total[5m])) / sum(rate(requests_total[5m])) > 0.05': 0.05,
    // The slow lie between 1 and 10; the median is 5 where (f - 0.5) / f of them lie below it, which is 4 / 9.
    'histogram_quantile(0.5, sum by (le) (rate(answer_seconds_bucket[5m]))) > 5': 0.9,
    'time() - max(last_backup_timestamp_seconds) > 86400': 86_400,
    'queue_length < 3': 3,
    'queue_length > 0.8 * 50e12': 4e13,
  }
  for (const [when, bound] of Object.entries(bounds)) {
    test(when, () => {
      const { plan, rule } = shop(when)
      const made = rehearse(plan, rule, startMs)
      assert.ok(made.kept, made.kept ? '' : made.breach)
      const { over, under } = made.brink
      assert.ok(Math.abs(over - bound) < 1e-3 * bound && Math.abs(under - bound) < 1e-3 * bound, `${under} to ${over}`)
      assert.deepEqual(
        made.notices.map(({ status }) => status),
        ['firing', 'resolved'],
      )
    })
  }

  test('by the part of a metric that its labels choose, with the rest standing still', () => {
    const { plan, rule } = shop('sum(rate(requests_total{status="500"}[5m])) / sum(rate(requests_total[5m])) > 0.01')
    const made = rehearse(plan, rule, startMs)
    assert.ok(made.kept)
    assert.equal(made.brink.driven.labels['status'], '500')
    // One other request a second: x / (x + 1) is a hundredth.
    assert.ok(Math.abs(made.brink.over - 1 / 99) < 1e-6)
  })
})

describe('an alert that can not keep its promise is seen', () => {
  test('its metric is written wrongly, or emitted by nobody', () => {
    assert.match(breachOf('queue_lenght > 10') ?? '', /nobody emit what it reads: queue_lenght/)
    assert.match(breachOf('sum(rate(unheard_total[5m])) > 3') ?? '', /nobody emit/)
  })
  test('it waits for a label value that nothing has', () => {
    assert.match(breachOf('sum(rate(requests_total{status="5xx"}[5m])) > 3') ?? '', /nobody emit/)
  })
  test('no figure meets it, or every figure does', () => {
    assert.match(breachOf('sum(rate(failures_total[5m])) < 0') ?? '', /can never fire/)
    assert.match(breachOf('queue_length') ?? '', /always fires/)
  })
  test('it cannot be evaluated', () => {
    assert.match(breachOf('rate(queue_length) > 3') ?? '', /cannot be evaluated/)
  })
  test('the rule that runs waits too short, too long, or for another bound', () => {
    assert.match(breachOf('queue_length > 10', (rule) => ({ ...rule, forMs: 0 })) ?? '', /less than 5m|early/)
    assert.match(
      breachOf('queue_length > 10', (rule) => ({ ...rule, forMs: 2 * rule.forMs })) ?? '',
      /Nobody is told|late/,
    )
    const lower = (rule: AlertRule): AlertRule => ({
      ...rule,
      source: { kind: 'query', when: 'queue_length > 9', minimumSample: undefined },
    })
    assert.match(breachOf('queue_length > 10', lower) ?? '', /just under its bound/)
  })
})
