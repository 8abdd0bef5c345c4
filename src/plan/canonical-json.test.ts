import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, digestOf } from './canonical-json.ts'

test('keys are in order and nothing is between them', () => {
  assert.equal(canonicalJson({ b: [1, { d: null, c: 'é' }], a: true }), '{"a":true,"b":[1,{"c":"é","d":null}]}')
})

test('the order of code units decides, not that of a language', () => {
  assert.equal(
    canonicalJson({ ä: 1, z: 2, Z: 3, '\u{1F600}': 4, '\uFF5A': 5 }),
    '{"Z":3,"z":2,"ä":1,"\u{1F600}":4,"\uFF5A":5}',
  )
})

test('members that are undefined are left out, as JSON leaves them', () => {
  assert.equal(canonicalJson({ a: undefined, b: 1 }), '{"b":1}')
})

test('what JSON cannot say is refused', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, undefined, [undefined], 1n, Symbol('s'), () => 1]) {
    assert.throws(() => canonicalJson(value), TypeError)
  }
})

test('it is JSON, and reading it gives the value back', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('the digest does not depend on the order of keys, and changes with any value', () => {
  const members = fc.uniqueArray(fc.tuple(fc.string(), fc.jsonValue()), { selector: ([key]) => key, minLength: 1 })
  fc.assert(
    fc.property(members, (entries) => {
      const value = Object.fromEntries(entries)
      assert.equal(digestOf(Object.fromEntries([...entries].reverse())), digestOf(value))
      assert.notEqual(digestOf({ ...value, [entries[0]?.[0] ?? '']: 'another value of this member' }), digestOf(value))
    }),
  )
  assert.match(digestOf({}), /^[0-9a-f]{64}$/)
})
