import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePlan } from '../../plan/plan.ts'
import { mismatches } from './labels.ts'
import { isQuery, parsePromql } from './parse.ts'

const parsed = parsePlan({
  system: 'shop',
  telemetry: {
    metrics: {
      requests_total: { type: 'counter', help: 'Requests.', labels: ['status', 'route'] },
      errors_total: { type: 'counter', help: 'Errors.', labels: ['status', 'route'] },
      up_since: { type: 'gauge', help: 'Start.' },
      took_seconds: { type: 'histogram', help: 'Time.', labels: ['route'] },
    },
    labels: { status: ['2xx', '5xx'], route: ['/push', '/pull'] },
  },
})

function meets(text: string): boolean {
  const query = parsePromql(text)
  assert.ok(isQuery(query), text)
  assert.ok('plan' in parsed)
  return mismatches(parsed.plan, query).length === 0
}

test('sides with the same labels meet', () => {
  for (const text of [
    'rate(errors_total[5m]) / rate(requests_total[5m]) > 0.1',
    'sum(rate(errors_total[5m])) / sum(rate(requests_total[5m])) > 0.1',
    'sum by (route) (errors_total) / sum without (status, job, instance) (requests_total) > 0.1',
    'requests_total > 5',
    '100 * errors_total / requests_total > 5',
    'histogram_quantile(0.99, sum by (le, route) (rate(took_seconds_bucket[5m]))) > sum by (route) (requests_total)',
    'topk(3, errors_total) / requests_total > 1',
    'time() - up_since > 60',
    'scalar(sum(errors_total)) / requests_total > 1',
    'max_over_time(errors_total[1h]) - (errors_total offset 1h) > 1',
  ]) {
    assert.ok(meets(text), text)
  }
})

test('sides with different labels never meet', () => {
  for (const text of [
    'rate(errors_total[5m]) / sum(rate(requests_total[5m])) > 0.1',
    'sum by (route) (errors_total) / sum by (status) (requests_total) > 0.1',
    'errors_total / up_since > 1',
    'histogram_quantile(0.99, rate(took_seconds_bucket[5m])) > sum by (le) (took_seconds_bucket)',
    'sum(errors_total) > 5 and requests_total > 1',
  ]) {
    assert.ok(!meets(text), text)
  }
})

test('who says how they meet is believed, and what is unknown is not judged', () => {
  for (const text of [
    'errors_total / on (route) group_left sum by (route) (requests_total) > 1',
    'errors_total / ignoring (status) up_since > 1',
    'errors_total / unheard_of > 1',
    'errors_total or vector(0)',
    'label_replace(errors_total, "a", "b", "c", "d") / up_since > 1',
  ]) {
    assert.ok(meets(text), text)
  }
})
