import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { byCharacters, fromBase64, fromCharacters, toBase64 } from './base64.ts'

test('bytes come back as they were, on platforms that know base64 and on those that do not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64')
      assert.deepEqual([toBase64(bytes), byCharacters(bytes)], [text, text])
      assert.deepEqual([fromBase64(text), fromCharacters(text)], [Uint8Array.from(bytes), Uint8Array.from(bytes)])
    }),
  )
})

test('what is not base64 is refused by both', () => {
  for (const text of ['a', '====', 'AA=A', 'A-_A', 'AAAA=', 'añ==']) {
    for (const read of [fromBase64, fromCharacters]) assert.throws(() => read(text), text)
  }
})
