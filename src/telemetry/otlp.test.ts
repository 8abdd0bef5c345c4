import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { attributesText, nanoseconds } from './otlp.ts'

test('property: attributes are read back as they were, whatever their names and values', () => {
  const text = fc.string({ unit: 'binary', maxLength: 8 })
  const value = fc.oneof(text, fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger())
  fc.assert(
    fc.property(fc.dictionary(text, value, { maxKeys: 4 }), (values) => {
      const expected = Object.entries(values).map(([key, each]) => {
        if (typeof each === 'string') return { key, value: { stringValue: each } }
        if (typeof each === 'boolean') return { key, value: { boolValue: each } }
        return { key, value: Number.isSafeInteger(each) ? { intValue: String(each) } : { doubleValue: each } }
      })
      assert.deepEqual(JSON.parse(`[${attributesText(values)}]`), expected)
    }),
  )
})

test('a moment has nine digits more than seconds have, whatever its fraction', () => {
  assert.equal(nanoseconds(1_700_000_000_000.25), '1700000000000250000')
  assert.equal(nanoseconds(1_700_000_000_000), '1700000000000000000')
})
