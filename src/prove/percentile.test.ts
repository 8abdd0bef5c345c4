import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { percentile } from './percentile.ts'

test('takes an observation by its rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
  assert.equal(percentile(hundred, 99), 99)
  assert.equal(percentile(hundred, 50), 50)
  assert.equal(percentile([7], 99), 7)
})

test('one slow answer in a hundred is beyond P99, two are not', () => {
  assert.equal(percentile([...Array<number>(99).fill(1), 900], 99), 1)
  assert.equal(percentile([...Array<number>(98).fill(1), 900, 900], 99), 900)
})

test('is one of the observations, and enough of them do not exceed it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true }), { minLength: 1 }),
      fc.integer({ min: 1, max: 100 }),
      (observations, percent) => {
        const value = percentile(observations, percent)
        assert.ok(observations.includes(value))
        assert.ok(observations.filter((each) => each <= value).length >= (percent / 100) * observations.length)
      },
    ),
  )
})

test('refuses an empty list', () => {
  assert.throws(() => percentile([], 50), RangeError)
})
