import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasRepeatedMembers } from './repeated-members.ts'

test('a member named twice is seen, at any depth and however it is written', () => {
  for (const text of [
    '{"sub":"a","sub":"b"}',
    '{"sub":"a","s\\u0075b":"b"}',
    '{"a":{"x":1,"x":1}}',
    '{"a":[{"x":1},{"y":2,"y":3}]}',
    '{"a" :1,"b":"a","a"\n: 2}',
  ]) {
    assert.equal(hasRepeatedMembers(text), true, text)
  }
})

test('what JSON writes by itself names nothing twice', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => !hasRepeatedMembers(JSON.stringify(value))))
})
