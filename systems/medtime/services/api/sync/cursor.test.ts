import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createCursors } from './cursor.ts'

const user = randomUUID()
const key = randomBytes(32)
const cursors = createCursors(key)

test('a cursor holds the position it was issued for, for every instance with the key', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31), fc.nat(2 ** 31), fc.nat(2 ** 31), (epoch, sequence, floor) => {
      const position = { epoch, sequence: sequence * 1_000, floor: floor * 1_000 }
      assert.deepEqual(createCursors(key).read(user, cursors.issue(user, position)), position)
    }),
  )
})

test('a cursor of somebody else, with another key, or changed in any place, is none', () => {
  const cursor = cursors.issue(user, { epoch: 2, sequence: 5 })
  assert.equal(cursors.read(randomUUID(), cursor), undefined)
  assert.equal(createCursors(randomBytes(32)).read(user, cursor), undefined)
  for (let index = 0; index < cursor.length; index++) {
    const other = cursor[index] === 'A' ? 'B' : 'A'
    const changed = cursor.slice(0, index) + other + cursor.slice(index + 1)
    assert.equal(cursors.read(user, changed), undefined, `character ${index}`)
  }
  for (const text of ['', 'A', `${cursor}A`, cursor.slice(1), ` ${cursor}`]) {
    assert.equal(cursors.read(user, text), undefined)
  }
})
