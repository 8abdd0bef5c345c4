import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Ack } from './exercise.ts'
import { measureLoss, measurePrecision } from './read-back.ts'

const write = (at: number): Ack => ({
  id: `ack-${at}`,
  actor: 'a',
  operation: 'push',
  kind: 'write',
  sentAt: at - 5,
  acknowledgedAt: at,
  token: null,
})

describe('loss', () => {
  test('nothing gone is no loss', () => {
    assert.deepEqual(measureLoss({ kept: [write(1)], lost: [], altered: [] }, 1_000), { ms: 0, holes: 0 })
  })

  test('the end of the story counts from its oldest lost write to the fault', () => {
    const result = { kept: [write(1_000), write(2_000)], lost: [write(2_500), write(2_900)], altered: [] }
    assert.deepEqual(measureLoss(result, 3_000), { ms: 500, holes: 0 })
  })

  test('a write lost before a kept one is a hole, however small the objective would forgive it', () => {
    const result = { kept: [write(1_000), write(2_900)], lost: [write(2_000)], altered: [] }
    assert.equal(measureLoss(result, 3_000).holes, 1)
  })

  test('writes under way at the same time may be lost in any order', () => {
    const slow = { ...write(2_900), sentAt: 1_900 }
    assert.equal(measureLoss({ kept: [slow], lost: [write(2_000)], altered: [] }, 3_000).holes, 0)
  })

  test('an altered write is a hole even when it is the newest', () => {
    assert.equal(measureLoss({ kept: [write(1)], lost: [], altered: [write(900)] }, 1_000).holes, 1)
  })

  test('cutting any history at any moment leaves no hole', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 10_000 }), { minLength: 1 }),
        fc.integer({ min: 0, max: 10_000 }),
        (times, cut) => {
          const acks = times.map(write)
          const result = {
            kept: acks.filter((a) => a.acknowledgedAt <= cut),
            lost: acks.filter((a) => a.acknowledgedAt > cut),
            altered: [],
          }
          const loss = measureLoss(result, 10_001)
          assert.equal(loss.holes, 0)
          assert.ok(loss.ms <= 10_001 - cut)
        },
      ),
    )
  })
})

describe('precision of a point in time', () => {
  test('every write on its side is exact', () => {
    assert.equal(measurePrecision({ kept: [write(900)], lost: [write(1_100)], altered: [] }, 1_000), 0)
  })

  test('a missing earlier write and a surviving later one are measured by their distance', () => {
    assert.equal(measurePrecision({ kept: [], lost: [write(700)], altered: [] }, 1_000), 300)
    assert.equal(measurePrecision({ kept: [write(1_405)], lost: [], altered: [] }, 1_000), 400)
  })

  test('a write in flight at the moment may fall on either side', () => {
    assert.equal(measurePrecision({ kept: [write(1_003)], lost: [], altered: [] }, 1_000), 0)
  })
})
