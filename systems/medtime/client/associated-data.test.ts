import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { joinFields } from './associated-data.ts'

test('each field stands behind its length in UTF-8, and no two lists of fields give the same bytes', () => {
  const field = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('', 'dose', 'año', '💊'),
  )
  fc.assert(
    fc.property(fc.array(field, { maxLength: 5 }), fc.array(field, { maxLength: 5 }), (one, other) => {
      const plain = Buffer.concat(
        one.flatMap((text) => {
          const length = Buffer.alloc(4)
          length.writeUInt32BE(Buffer.byteLength(text))
          return [length, Buffer.from(text)]
        }),
      )
      assert.deepEqual(Buffer.from(joinFields(...one)), plain)
      const same = Buffer.compare(joinFields(...one), joinFields(...other)) === 0
      assert.equal(same, JSON.stringify(one) === JSON.stringify(other))
    }),
  )
})
