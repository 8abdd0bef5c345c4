import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bucket, Taken } from './counter.ts'
import { createLimiter, type Demand } from './limiter.ts'
import { rateLimits } from './rate-limits.ts'

const demands: Demand[] = [{ limit: 'user_total', subject: 'somebody' }]
const of = rateLimits.user_total.allowed.free
const full = { allowed: false, counts: [{ used: of, freesMs: 60_000 }] }
const room = { allowed: true, counts: [{ used: 1, freesMs: 0 }] }

/** A limiter whose counter says what it is told to, and what that counter was asked. */
function limiterOver(answers: Taken[]) {
  const asked: (readonly Bucket[])[] = []
  let now = 1_800_000_000_000
  const limiter = createLimiter({
    counter: {
      take: (buckets) => {
        asked.push(buckets)
        const taken = answers[asked.length - 1]
        assert.ok(taken, 'the counter is asked no more than foreseen')
        return Promise.resolve(taken)
      },
    },
    key: () => Promise.resolve(new Uint8Array(32)),
    now: () => now,
    times: 1,
  })
  return {
    asked,
    take: () => limiter.take(demands, 'free'),
    later: (ms: number) => {
      now += ms
    },
  }
}

test('a limit that is spent refuses a flood without asking the counter, and says how long is left', async () => {
  const { asked, take, later } = limiterOver([full])
  assert.equal((await take()).waitSeconds, 60)
  later(900)
  for (let request = 0; request < 100; request++) {
    const { allowed, remaining, waitSeconds } = await take()
    assert.deepEqual({ allowed, remaining, waitSeconds }, { allowed: false, remaining: 0, waitSeconds: 60 })
  }
  assert.equal(asked.length, 1)
})

test('what another instance had taken on trial and gave back is there again within a second', async () => {
  const { asked, take, later } = limiterOver([full, room])
  assert.equal((await take()).allowed, false)
  later(1_000)
  const { allowed, remaining } = await take()
  assert.deepEqual({ allowed, remaining }, { allowed: true, remaining: of - 1 })
  assert.equal(asked.length, 2)
})

test('a limit that frees sooner than in a second is asked for as soon as it does', async () => {
  const { take, later } = limiterOver([{ allowed: false, counts: [{ used: of, freesMs: 40 }] }, room])
  await take()
  later(39)
  assert.equal((await take()).allowed, false)
  later(1)
  assert.equal((await take()).allowed, true)
})
