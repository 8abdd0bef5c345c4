import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { announce, check, digestOf, merge, type PinnedFacts, settle } from './pinned.ts'

const [old, next, forged] = ['old', 'next', 'forged'].map((each) => digestOf(each))
assert.ok(old && next && forged)

test('a fact nobody pinned is unknown, and a pinned one is what it is and nothing else', () => {
  assert.equal(check({}, 'keys', old), 'unknown')
  const facts = settle({}, 'keys', old)
  assert.deepEqual([check(facts, 'keys', old), check(facts, 'keys', forged)], ['same', 'changed'])
  assert.equal(check(facts, 'kdf', old), 'unknown')
})

test('while a change is announced the old and the new are right, after it only the new', () => {
  assert.equal(check(announce({}, 'keys', next), 'keys', old), 'unknown')
  const before = settle({}, 'keys', old)
  const during = announce(before, 'keys', next)
  assert.deepEqual(
    [old, next, forged].map((shown) => check(during, 'keys', shown)),
    ['same', 'same', 'changed'],
  )
  const after = settle(during, 'keys', next)
  assert.deepEqual(
    [old, next].map((shown) => check(after, 'keys', shown)),
    ['changed', 'same'],
  )
})

test('a caregiver who was sent away has no key that would be right', () => {
  const facts = settle(settle({}, 'caregiver:ana', old), 'caregiver:ana', undefined)
  assert.equal(check(facts, 'caregiver:ana', old), 'changed')
})

test('in whatever order devices hear of one another, they stand for the same in the end', () => {
  const facts: fc.Arbitrary<PinnedFacts> = fc.dictionary(
    fc.constantFrom('keys', 'kdf', 'recovery'),
    fc.record({
      revision: fc.integer({ min: 1, max: 3 }),
      digests: fc.uniqueArray(fc.constantFrom(old, next, forged), { maxLength: 2 }).map((list) => list.sort()),
    }),
  )
  const text = (each: PinnedFacts) => JSON.stringify(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
  fc.assert(
    fc.property(facts, facts, facts, (a, b, c) => {
      assert.equal(text(merge(a, b)), text(merge(b, a)))
      assert.equal(text(merge(merge(a, b), c)), text(merge(a, merge(b, c))))
      assert.equal(text(merge(a, a)), text(a))
    }),
  )
})

test('parts of a digest cannot be moved into one another', () => {
  assert.notEqual(digestOf('ab', 'c'), digestOf('a', 'bc'))
  assert.equal(digestOf('añ'), digestOf(new TextEncoder().encode('añ')))
})
