import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { padmeLength } from './padding.ts'

test('lengths are rounded up as the paper says', () => {
  for (const [length, padded] of [
    [0, 0],
    [1, 1],
    [8, 8],
    [9, 10],
    [100, 104],
    [1_000, 1_024],
    [1_048_577, 1_081_344],
  ] as const) {
    assert.equal(padmeLength(length), padded, String(length))
  }
})

test('padding never shortens, adds at most 12 %, and is stable', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000_000 }), (length) => {
      const padded = padmeLength(length)
      assert.ok(padded >= length && padded <= length * 1.12 + 1)
      assert.equal(padmeLength(padded), padded)
    }),
  )
})
