import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dueKeys, keptMs, type Term } from './key-schedule.ts'

const hour = 3_600_000
const day = 24 * hour

test('the first key signs at once', () => {
  assert.deepEqual(dueKeys([], 1_000).next, { signsFrom: 1_000, signsUntil: 1_000 + 30 * day })
})

test('looked after at any hours, some key always signs, was published a day before it did, and is kept until its last token ended', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 24 * hour }), { minLength: 50, maxLength: 150 }), (steps) => {
      let now = Date.UTC(2026, 0, 1)
      const start = now
      let keys: (Term & { seen: number })[] = []
      let lastSigner: (Term & { seen: number }) | undefined
      for (const step of steps) {
        const due = dueKeys(keys, now)
        keys = due.published
        if (due.next) keys = [...keys, { ...due.next, seen: now }]
        const { signing, published } = dueKeys(keys, now)
        assert.ok(signing, 'somebody signs')
        assert.ok(signing.seen === start || now - signing.seen >= day, 'it was published in time')
        if (lastSigner && lastSigner !== signing && now < lastSigner.signsUntil + hour) {
          assert.ok(published.includes(lastSigner), 'tokens of the one before are still believed')
        }
        lastSigner = signing
        now += step
      }
      assert.ok(keys.length <= 3)
    }),
  )
})

test('a key is gone once nothing it signed can be valid', () => {
  const key = { signsFrom: 0, signsUntil: day }
  assert.deepEqual(dueKeys([key], day + keptMs).ended, [key])
  assert.deepEqual(dueKeys([key], day + keptMs - 1).published, [key])
})
