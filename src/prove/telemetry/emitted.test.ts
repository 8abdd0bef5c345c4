import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePlan } from '../../plan/plan.ts'
import { listedMetrics, sampledNames } from './emitted.ts'

test('a metric counts as measured once there is a sample, not by its description', () => {
  const text =
    '# HELP a_total h\n# TYPE a_total counter\n# TYPE b histogram\nb_bucket{le="1"} 0\nb_sum 0\nb_count 0\nc 1\n'
  const names = sampledNames(text)
  assert.deepEqual(
    ['a_total', 'b', 'c'].filter((name) => names.has(name)),
    ['b', 'c'],
  )
})

test('what is listed is told apart by who is to emit it', () => {
  const parsed = parsePlan({
    system: 'tiny',
    telemetry: {
      metrics: {
        a_total: { type: 'counter', help: 'h', emittedBy: ['phone', 'aval'] },
        b_total: { type: 'counter', help: 'h', emittedBy: ['aval'] },
      },
    },
  })
  assert.ok('plan' in parsed)
  assert.deepEqual(listedMetrics(parsed.plan, ['api']), {
    asked: [],
    aval: ['a_total', 'b_total'],
    others: [{ metric: 'a_total', by: 'phone' }],
  })
})
