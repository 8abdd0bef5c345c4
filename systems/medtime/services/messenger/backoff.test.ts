import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backoffMs, mostAttempts } from './backoff.ts'

test('pauses grow tenfold from 5 s, are drawn from the upper half, and are never shorter than the provider asks', () => {
  assert.deepEqual(
    [1, 2].map((attempt) => [backoffMs(attempt, () => 0), backoffMs(attempt, () => 1 - Number.EPSILON)]),
    [
      [2_500, 5_000],
      [25_000, 50_000],
    ],
  )
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: mostAttempts }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.nat(600_000),
      (attempt, drawn, asked) => {
        const pause = backoffMs(attempt, () => drawn, asked)
        assert.ok(pause >= asked && pause >= (5_000 * 10 ** (attempt - 1)) / 2 && Number.isInteger(pause))
      },
    ),
  )
})
