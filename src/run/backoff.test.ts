import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultRestartPolicy, restartDelay } from './backoff.ts'

test('the wait doubles with each crash in a row, from the first wait', () => {
  const waits = [1, 2, 3, 4].map((crashes) => restartDelay(defaultRestartPolicy, crashes))
  assert.deepEqual(waits, [250, 500, 1000, 2000])
})

test('no wait is longer than the ceiling or shorter than the one before, however often it crashed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), (crashes) => {
      const wait = restartDelay(defaultRestartPolicy, crashes)
      assert.ok(wait <= defaultRestartPolicy.ceilingMs)
      assert.ok(restartDelay(defaultRestartPolicy, crashes + 1) >= wait)
    }),
  )
})
