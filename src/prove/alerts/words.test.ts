import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePlan } from '../../plan/plan.ts'
import { standInsOf, toldApart } from './words.ts'

const parsed = parsePlan({
  system: 'shop',
  incidents: {
    channels: {
      pager: { kind: 'pagerduty', reaches: 'on call' },
      second: { kind: 'pagerduty', reaches: 'the lead' },
      chat: { kind: 'slack', reaches: 'the team' },
      here: { kind: 'console', reaches: 'whoever looks' },
      cloud: { kind: 'monitor', reaches: 'the cloud' },
    },
  },
})
assert.ok('plan' in parsed, JSON.stringify(parsed))
const { plan } = parsed

test('what stood in for a provider is named, once a kind', () => {
  assert.equal(
    standInsOf(plan, ['pager', 'second', 'chat', 'here']),
    'at stand-ins of pagerduty and slack on this machine',
  )
  assert.equal(standInsOf(plan, ['pager']), 'at a stand-in of pagerduty on this machine')
  assert.equal(standInsOf(plan, ['here', 'cloud']), '')
})

test('figures on both sides of a bound are as short as they can be and never the same', () => {
  assert.deepEqual(toldApart(0.049_981_234, 0.050_012_345), ['0.04998', '0.05001'])
  assert.deepEqual(toldApart(9.99, 10), ['9.99', '10'])
  assert.deepEqual(toldApart(2, 3.000_000_000_4), ['2', '3'])
  assert.deepEqual(toldApart(0.1 + 0.2, 0.3), ['0.30000000000000004', '0.3'])
})
