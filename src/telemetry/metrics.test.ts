import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Counter, Histogram, Registry } from 'prom-client'
import type { PlanInput } from '../plan/plan.ts'
import { createMetrics } from './metrics.ts'

const telemetry: PlanInput['telemetry'] = {
  metrics: {
    requests_total: { type: 'counter', help: 'Requests.', labels: ['method', 'tier'], emittedBy: ['api'] },
    queue_depth: { type: 'gauge', help: 'Waiting.', emittedBy: ['api'] },
    size_bytes: { type: 'histogram', help: 'Size.', buckets: [10, 100], emittedBy: ['api'] },
    telemetry_refused_total: { type: 'counter', help: 'Refused values.', labels: ['label'], emittedBy: ['api'] },
    jobs_total: { type: 'counter', help: 'Jobs.', emittedBy: ['worker'] },
  },
  labels: { method: ['GET', 'POST'], tier: ['free', 'pro'], label: ['method', 'tier'] },
}
const make = () => createMetrics(telemetry, 'api')

test('emits what the plan lists', async () => {
  const metrics = make()
  metrics.count('requests_total', { method: 'GET', tier: 'free' })
  metrics.observe('size_bytes', 42)
  metrics.read('queue_depth', () => 7)
  const text = await metrics.text()
  assert.match(text, /requests_total\{method="GET",tier="free"\} 1/)
  assert.match(text, /size_bytes_bucket\{le="100"\} 1/)
  assert.match(text, /queue_depth 7/)
})

test('a value outside the declared set leaves as other, and is counted', async () => {
  const metrics = make()
  metrics.count('requests_total', { method: 'GET', tier: 'losartan 50 mg' })
  const text = await metrics.text()
  assert.match(text, /requests_total\{method="GET",tier="other"\} 1/)
  assert.match(text, /telemetry_refused_total\{label="tier"\} 1/)
  assert.doesNotMatch(text, /losartan/)
})

test('no value that was not declared ever leaves, whatever is sent', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ method: fc.string(), tier: fc.string() }), { maxLength: 20 }),
      async (sent) => {
        const metrics = make()
        for (const labels of sent) metrics.count('requests_total', labels)
        const values = [...(await metrics.text()).matchAll(/requests_total\{method="([^"]*)",tier="([^"]*)"\}/g)]
        for (const [, method = '', tier = ''] of values) {
          assert.ok(['GET', 'POST', 'other'].includes(method))
          assert.ok(['free', 'pro', 'other'].includes(tier))
        }
      },
    ),
    { numRuns: 50 },
  )
})

test('what is told is what prom-client tells, figure by figure', async () => {
  const told = fc.array(
    fc.record({
      method: fc.constantFrom('GET', 'POST', 'other'),
      tier: fc.constantFrom('free', 'pro', 'other'),
      size: fc.double({ min: -1, max: 200, noNaN: true }),
    }),
    { maxLength: 30 },
  )
  await fc.assert(
    fc.asyncProperty(told, async (all) => {
      const metrics = make()
      const registry = new Registry()
      const registers = [registry]
      const counter = new Counter({
        name: 'requests_total',
        help: 'Requests.',
        labelNames: ['method', 'tier'],
        registers,
      })
      const histogram = new Histogram({ name: 'size_bytes', help: 'Size.', buckets: [10, 100], registers })
      for (const { size, ...labels } of all) {
        metrics.count('requests_total', labels)
        counter.inc(labels)
        metrics.observe('size_bytes', size)
        histogram.observe(size)
      }
      const text = await metrics.text()
      for (const part of (await registry.metrics()).trim().split('\n\n')) assert.ok(text.includes(part), part)
    }),
    { numRuns: 50 },
  )
})

test('nothing that would spoil a figure for ever is taken', async () => {
  const metrics = make()
  assert.throws(() => metrics.observe('size_bytes', Number.NaN), TypeError)
  assert.throws(() => metrics.count('requests_total', { method: 'GET', tier: 'free' }, -1), RangeError)
  assert.match(await metrics.text(), /size_bytes_count 0/)
})

test('a metric, a label or a kind that the list does not name is refused at once', () => {
  const metrics = make()
  const notListed = { code: 'METRIC_NOT_LISTED' }
  assert.throws(() => metrics.count('patients_total'), notListed)
  assert.throws(() => metrics.count('requests_total', { user: 'u1' }), notListed)
  assert.throws(() => metrics.set('requests_total', 1), notListed)
})

test("another service's metric is not this service's to emit", () => {
  assert.throws(() => make().count('jobs_total'), { code: 'METRIC_NOT_LISTED' })
})
