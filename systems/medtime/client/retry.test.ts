import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransientError, withRetries } from './retry.ts'

function fixture(random = 0.5) {
  const waits: number[] = []
  const clock = {
    now: () => 0,
    sleep: async (ms: number) => {
      waits.push(ms)
    },
  }
  return { waits, options: { clock, random: () => random } }
}

test('three repeats, after about 1, 2 and 4 seconds; then the last error is told', async () => {
  const { waits, options } = fixture()
  let attempts = 0
  await assert.rejects(
    withRetries(async () => {
      throw new TransientError(`attempt ${++attempts}`)
    }, options),
    /attempt 4/,
  )
  assert.deepEqual(waits, [1_000, 2_000, 4_000])
})

test('the wait varies by half, so that clients that failed together come back apart', async () => {
  for (const [random, first] of [
    [0, 500],
    [0.999, 1_499],
  ] as const) {
    const { waits, options } = fixture(random)
    let failed = false
    await withRetries(async () => {
      if (failed) return
      failed = true
      throw new TransientError('once')
    }, options)
    assert.equal(waits[0], first)
  }
})

test('a server that says when is not asked sooner', async () => {
  const { waits, options } = fixture()
  let failed = false
  await withRetries(async () => {
    if (failed) return
    failed = true
    throw new TransientError('at its limit', 61_000)
  }, options)
  assert.deepEqual(waits, [61_000])
})

test('what will not pass is not repeated', async () => {
  const { waits, options } = fixture()
  await assert.rejects(
    withRetries(async () => {
      throw new Error('no')
    }, options),
    /no/,
  )
  assert.deepEqual(waits, [])
})
