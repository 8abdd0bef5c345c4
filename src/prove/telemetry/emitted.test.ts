import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePlan } from '../../plan/plan.ts'
import { amountOf, isOffered, listedMetrics } from './emitted.ts'

const exposition = `# HELP a_total h
# TYPE a_total counter
# TYPE b histogram
b_bucket{le="1"} 0
b_sum 0
b_count 0
c{of="x y"} 0
c{of="z"} 0
d_total{of="x"} 2
d_total{of="{ 9"} 3
d_total_other 70
`

test('a counter is worth what it counted, a histogram what it observed, a gauge its series', () => {
  assert.deepEqual(
    [
      amountOf(exposition, 'd_total', 'counter'),
      amountOf(exposition, 'b', 'histogram'),
      amountOf(exposition, 'c', 'gauge'),
    ],
    [5, 0, 2],
  )
})

test('what is described and has no sample is offered, and was never measured', () => {
  assert.equal(amountOf(exposition, 'a_total', 'counter'), undefined)
  assert.equal(isOffered(exposition, 'a_total'), true)
  assert.equal(isOffered(exposition, 'a'), false)
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
