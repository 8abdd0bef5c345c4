import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createSetHash, type Element, emptySet, textOf } from './set-commitment.ts'

const replace = createSetHash(new Uint8Array(32).fill(1))
const element: fc.Arbitrary<Element> = fc.record({
  id: fc.uuid(),
  type: fc.constantFrom('dose', 'medication'),
  version: fc.integer({ min: 1, max: 5 }),
  deleted: fc.boolean(),
  checksum: fc.constantFrom('ab'.repeat(32), 'cd'.repeat(32)),
})
const committed = (elements: readonly Element[]) =>
  textOf(elements.reduce((set, each) => replace(set, undefined, each), emptySet))

test('the order in which versions come makes no difference, and what is taken away again leaves no trace', () => {
  fc.assert(
    fc.property(fc.array(element, { maxLength: 20 }), fc.array(element, { maxLength: 20 }), (kept, passing) => {
      let set = emptySet
      for (const each of passing) set = replace(set, undefined, each)
      for (const each of kept.toReversed()) set = replace(set, undefined, each)
      for (const each of passing.toReversed()) set = replace(set, each, undefined)
      assert.equal(textOf(set), committed(kept))
    }),
  )
})

test('a version in the place of another is the same as one taken away and one added', () => {
  fc.assert(
    fc.property(element, element, fc.array(element, { maxLength: 5 }), (before, after, others) => {
      const set = [before, ...others].reduce((all, each) => replace(all, undefined, each), emptySet)
      assert.equal(textOf(replace(set, before, after)), committed([after, ...others]))
    }),
  )
})

test('every label counts: another id, type, version, deletion or content is another set', () => {
  const one: Element = { id: 'a', type: 'dose', version: 1, deleted: false, checksum: 'ab'.repeat(32) }
  const others: Element[] = [
    { ...one, id: 'b' },
    { ...one, type: 'medication' },
    { ...one, version: 2 },
    { ...one, deleted: true },
    { ...one, checksum: 'cd'.repeat(32) },
    // The same characters, cut elsewhere.
    { ...one, id: 'ad', type: 'ose' },
  ]
  const seen = new Set([one, ...others].map((each) => committed([each])))
  assert.equal(seen.size, 1 + others.length)
  assert.notEqual(committed([one, one]), committed([one]), 'twice is not once')
})

test('without the key nobody computes a commitment', () => {
  const one: Element = { id: 'a', type: 'dose', version: 1, deleted: false, checksum: 'ab'.repeat(32) }
  const elsewhere = createSetHash(new Uint8Array(32).fill(2))
  assert.notEqual(textOf(elsewhere(emptySet, undefined, one)), committed([one]))
})
