import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsNamesKey, createSealing } from './seal.ts'

const under = (...fills: [number, ...number[]]) => {
  const [first, ...rest] = fills.map((fill) => Buffer.alloc(32, fill))
  return createSealing({ keys: [first ?? Buffer.alloc(32), ...rest], names: undefined })
}
const sealing = under(1)

test('what was sealed opens for its purpose, with its key, unchanged, and not otherwise', () => {
  const sealed = sealing.seal('totp ana', 'secret')
  assert.equal(sealing.open('totp ana', sealed), 'secret')
  assert.ok(!sealed.includes('secret'))
  assert.throws(() => sealing.open('totp bob', sealed))
  assert.throws(() => under(2).open('totp ana', sealed))
  for (let index = 0; index < sealed.length; index++) {
    const changed = Buffer.from(sealed)
    changed.writeUInt8(changed.readUInt8(index) ^ 1, index)
    assert.throws(() => sealing.open('totp ana', changed), `byte ${index}`)
  }
  assert.throws(() => sealing.open('totp ana', sealed.subarray(0, 20)), 'a tag cut short')
})

test('the same name has the same mac, under one key', () => {
  assert.deepEqual(sealing.mac('e-mail', 'ana'), sealing.mac('e-mail', 'ana'))
  assert.notDeepEqual(sealing.mac('e-mail', 'ana'), sealing.mac('identity', 'ana'))
  assert.notDeepEqual(sealing.mac('e-mail', 'ana'), under(2).mac('e-mail', 'ana'))
})

test('the first key of a ring seals, and every one opens', () => {
  const old = sealing.seal('totp ana', 'secret')
  assert.equal(under(2, 1).open('totp ana', old), 'secret')
  const present = under(2, 1).seal('totp ana', 'secret')
  assert.equal(under(2).open('totp ana', present), 'secret')
  assert.throws(() => sealing.open('totp ana', present))
})

test('names keep their mac under another key when their own key is handed on', () => {
  const [first, second] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const handedOn = createSealing({ keys: [second], names: accountsNamesKey(first) })
  assert.deepEqual(handedOn.mac('e-mail', 'ana'), sealing.mac('e-mail', 'ana'))
})
