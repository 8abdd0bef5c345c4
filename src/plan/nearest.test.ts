import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { editDistance, nearest } from './nearest.ts'

test('the name meant is the one with the fewest changes', () => {
  assert.equal(nearest('pagerdty', ['slack', 'pagerduty', 'pager']), 'pagerduty')
  assert.equal(nearest('PagerDuty', ['pagerduty']), 'pagerduty')
})

test('another word is not taken for a slip', () => {
  assert.equal(nearest('email', ['pagerduty', 'slack']), undefined)
  assert.equal(nearest('ab', ['xy']), undefined)
  assert.equal(nearest('anything', []), undefined)
})

test('the distance is a metric', () => {
  const word = fc.string({ maxLength: 12 })
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      assert.equal(editDistance(a, b) === 0, a === b)
      assert.equal(editDistance(a, b), editDistance(b, a))
      assert.ok(editDistance(a, c) <= editDistance(a, b) + editDistance(b, c))
      assert.ok(editDistance(a, b) <= Math.max(a.length, b.length))
    }),
  )
})
