import assert from 'node:assert/strict'
import { test } from 'node:test'
import { longestGapMs } from './backup-coverage.ts'

const hour = 3_600_000
const day = 24 * hour

test('the longest time between two firings is found', () => {
  assert.equal(longestGapMs('0 * * * *'), hour)
  assert.equal(longestGapMs('*/5 * * * *'), 300_000)
  assert.equal(longestGapMs('0 2 * * *'), day)
  assert.equal(longestGapMs('0 2 * * 0'), 7 * day)
  assert.equal(longestGapMs('0 2 * * 1-5'), 3 * day)
  assert.equal(longestGapMs('0 9,17 * * *'), 16 * hour)
  assert.equal(longestGapMs('0 0 1 * *'), 31 * day)
})

test('what has no schedule, or none that comes, has no gap', () => {
  assert.equal(longestGapMs(undefined), undefined)
  assert.equal(longestGapMs('0 0 30 2 *'), undefined)
  assert.equal(longestGapMs('soon'), undefined)
})
