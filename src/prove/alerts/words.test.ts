import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePlan } from '../../plan/plan.ts'
import { brinkText, standInsOf } from './words.ts'

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

test('the two sides of a bound are told by their figures, or by the bound that lies between them', () => {
  assert.equal(brinkText('errors', 9.99, 10), 'Quiet with errors at 9.99, told at 10')
  assert.equal(brinkText('errors', 2, 3.000_000_000_4), 'Quiet with errors at 2, told at 3')
  assert.equal(brinkText('errors', 0.049_999_95, 0.050_000_05), 'Quiet with errors just under 0.05, told just over')
  assert.equal(brinkText('errors', 0.1 + 0.2, 0.3), 'Quiet with errors just over 0.3, told just under')
})
