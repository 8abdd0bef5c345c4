import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lineWidth, table, wrap } from './layout.ts'

test('text is broken at spaces and loses no word', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three'])
  assert.deepEqual(wrap('a\n  b', 10), ['a', '  b'])
  const words = fc.array(fc.stringMatching(/^[a-z]{1,20}$/), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(words, fc.integer({ min: 1, max: 60 }), (list, width) => {
      const lines = wrap(list.join(' '), width)
      assert.equal(lines.join(' '), list.join(' '))
      assert.ok(lines.every((line) => line.length <= width || !line.includes(' ')))
    }),
  )
})

test('columns stand under their titles, and the one that fills wraps into what is left', () => {
  const rows = [
    { id: 'a', text: 'short' },
    { id: 'bbb', text: `${'word '.repeat(30)}end` },
  ]
  const printed = table(
    [
      { title: 'id', text: ({ id }) => id },
      { title: 'text', text: ({ text }) => text, fills: true },
    ],
    rows,
  ).split('\n')
  assert.equal(printed[0], 'ID   TEXT')
  assert.equal(printed[1], 'a    short')
  assert.match(printed[2] ?? '', /^bbb {2}word/)
  assert.match(printed[3] ?? '', /^ {5}word/)
  assert.ok(printed.every((line) => line.length <= lineWidth))
})

test('colour does not count as width', () => {
  const printed = table(
    [
      { title: 'v', text: (row: string) => row, style: (text) => `\u001b[31m${text}\u001b[39m` },
      { title: 'w', text: () => 'x' },
    ],
    ['ab', 'a'],
  ).split('\n')
  assert.deepEqual(printed, ['V   W', '\u001b[31mab\u001b[39m  x', '\u001b[31ma\u001b[39m   x'])
})
