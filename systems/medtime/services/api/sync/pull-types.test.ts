import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arrayOf, plainArrayOf } from './array-literal.ts'
import { base64OfHex, isoOf } from './pull-types.ts'

test('a timestamp of Postgres becomes RFC 3339 with milliseconds', () => {
  for (const [text, iso] of [
    ['2026-02-03 04:05:06+00', '2026-02-03T04:05:06.000Z'],
    ['2026-02-03 04:05:06.7+00', '2026-02-03T04:05:06.700Z'],
    ['2026-02-03 04:05:06.789+00', '2026-02-03T04:05:06.789Z'],
    ['2026-02-03 04:05:06.789999+00', '2026-02-03T04:05:06.789Z'],
  ] as const) {
    assert.equal(isoOf(text), iso)
  }
})

test('a bytea of Postgres becomes base64', () => {
  assert.equal(base64OfHex('\\x616263'), Buffer.from('abc').toString('base64'))
})

test('arrays are written as Postgres reads them', () => {
  assert.equal(plainArrayOf([1, true, 'ab']), '{1,true,ab}')
  assert.equal(arrayOf(['null', 'a"b', 'c\\d', 'e,f', '{}']), '{"null","a\\"b","c\\\\d","e,f","{}"}')
})
