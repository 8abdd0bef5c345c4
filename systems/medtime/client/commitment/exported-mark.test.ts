import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeHandedMark, encodeHandedMark, type HandedMark } from './exported-mark.ts'
import { digestOf } from './pinned.ts'

const user = '3f0c1a52-0000-4000-8000-000000000001'
const key = new Uint8Array(32).fill(3)
const mark: HandedMark = {
  epoch: 1_764_000_000,
  seen: { phone: 812, tablet: 40 },
  facts: { keys: { revision: 2, digests: [digestOf('envelope')] } },
}

test('what was handed over arrives as it was', () => {
  // No device is called `__proto__`: their ids are random.
  const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/).filter((text) => text !== '__proto__')
  const devices = fc.dictionary(id, fc.nat(), { noNullPrototype: true })
  fc.assert(
    fc.property(fc.integer({ min: 1 }), devices, (epoch, seen) => {
      const text = encodeHandedMark(user, key, { ...mark, epoch, seen })
      assert.match(text, /^MT1\.[A-Za-z0-9_-]+$/)
      assert.deepEqual(decodeHandedMark(user, key, ` ${text}\n`), { ...mark, epoch, seen })
    }),
  )
})

test('no character of it can be changed, left out or added, and it is of one user and one key', () => {
  const text = encodeHandedMark(user, key, mark)
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === 'A' ? 'B' : 'A'
    for (const changed of [text.slice(0, at) + other + text.slice(at + 1), text.slice(0, at) + text.slice(at + 1)]) {
      const read = decodeHandedMark(user, key, changed)
      // The last character may carry bits that mean nothing.
      if (read !== undefined) assert.deepEqual([at, read], [text.length - 1, mark])
    }
  }
  assert.equal(decodeHandedMark('3f0c1a52-0000-4000-8000-000000000002', key, text), undefined)
  assert.equal(decodeHandedMark(user, new Uint8Array(32), text), undefined)
})

test('with two devices and a pin it is short enough for a small QR code', () => {
  assert.ok(encodeHandedMark(user, key, mark).length < 300)
})
