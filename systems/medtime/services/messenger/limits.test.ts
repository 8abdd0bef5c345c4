import assert from 'node:assert/strict'
import { test } from 'node:test'
import plan from '../../plan.ts'
import { backoffMs, mostAttempts } from './backoff.ts'
import { limits } from './limits.ts'

const seconds = { s: 1, h: 3_600, d: 86_400 }
const msOf = (text: string): number => {
  const [, count, unit] = /^(\d+)([shd])$/.exec(text) ?? []
  if (unit !== 's' && unit !== 'h' && unit !== 'd') throw new Error(text)
  return Number(count) * seconds[unit] * 1_000
}

test('the limits are those of the plan', () => {
  for (const [name, limit] of [
    ['push_by_device', limits.pushByDevice],
    ['push_by_topic', limits.pushByTopic],
    ['sms_by_user', limits.smsByUser],
    ['sms_by_number', limits.smsFromNumber],
    ['sms_pause', limits.smsPause],
  ] as const) {
    const planned = plan.limits?.[name]
    assert.ok(planned && 'requests' in planned, name)
    assert.deepEqual([limit.most, limit.windowMs], [planned.requests, msOf(String(planned.window))], name)
  }
  assert.equal(mostAttempts, 3)
  assert.ok(backoffMs(1, () => 1) + backoffMs(2, () => 1) < 60_000, 'all attempts come before a code expires')
})
