import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { shortened } from './shortened.ts'

test('a text is cut between two words, and says that it goes on', () => {
  assert.equal(shortened('a server that answers again', 20), 'a server that …')
  assert.equal(shortened('a server that answers', 21), 'a server that answers')
  assert.equal(shortened('/a/path/without/any/space/in/it', 12), '/a/path/wi …')
})

test('property: what is shortened is never longer than asked for, and begins as the text does', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), fc.integer({ min: 3, max: 100 }), (text, longest) => {
      const short = shortened(text, longest)
      assert.ok(short.length <= longest)
      assert.ok(short === text || (short.endsWith(' …') && text.startsWith(short.slice(0, -2))))
    }),
  )
})
