import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock, timestamp } from './clock.ts'

test('the clock tells the present moment and moves on', async () => {
  const before = Date.now()
  const now = systemClock.now()
  assert.ok(now >= before && now <= Date.now())
  await systemClock.sleep(5)
  assert.ok(systemClock.now() >= now + 4)
})

test('a sleep that is interrupted rejects with the reason and at once', async () => {
  const interruption = new AbortController()
  const sleep = systemClock.sleep(60_000, interruption.signal)
  const startedAt = Date.now()
  interruption.abort(new Error('woken'))
  await assert.rejects(sleep, /woken/)
  assert.ok(Date.now() - startedAt < 5_000)
})

test('a signal that was already given lets nobody sleep', async () => {
  await assert.rejects(systemClock.sleep(60_000, AbortSignal.abort(new Error('no sleep'))), /no sleep/)
})

test('a sleep that ended is not rejected by a later signal', async () => {
  const interruption = new AbortController()
  await systemClock.sleep(1, interruption.signal)
  interruption.abort()
})

test('a timestamp is RFC 3339 in UTC with milliseconds', () => {
  assert.equal(timestamp(0), '1970-01-01T00:00:00.000Z')
  assert.equal(timestamp(Date.UTC(2026, 1, 3, 4, 5, 6, 789)), '2026-02-03T04:05:06.789Z')
})
