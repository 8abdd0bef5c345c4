import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backoffMs, mostAttempts } from './backoff.ts'

test('pauses grow fourfold from 2 s, are drawn from the upper half, and are never shorter than the provider asks', () => {
  assert.deepEqual(
    [1, 2].map((attempt) => [backoffMs(attempt, () => 0), backoffMs(attempt, () => 1 - Number.EPSILON)]),
    [
      [1_000, 2_000],
      [4_000, 8_000],
    ],
  )
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: mostAttempts }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.nat(600_000),
      (attempt, drawn, asked) => {
        const pause = backoffMs(attempt, () => drawn, asked)
        assert.ok(pause >= asked && pause >= (500 * 4 ** attempt) / 2 && Number.isInteger(pause))
      },
    ),
  )
})
