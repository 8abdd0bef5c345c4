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

test('the distance counts slips', () => {
  assert.equal(editDistance('shop', 'shpo'), 1)
  assert.equal(editDistance('shop', 'shops'), 1)
  assert.equal(editDistance('shop', 'ship'), 1)
  assert.equal(editDistance('kitten', 'sitting'), 3)
  const word = fc.string({ maxLength: 12 })
  fc.assert(
    fc.property(word, word, (a, b) => {
      assert.equal(editDistance(a, b) === 0, a === b)
      assert.equal(editDistance(a, b), editDistance(b, a))
      assert.ok(editDistance(a, b) >= Math.abs(a.length - b.length))
      assert.ok(editDistance(a, b) <= Math.max(a.length, b.length))
    }),
  )
})
