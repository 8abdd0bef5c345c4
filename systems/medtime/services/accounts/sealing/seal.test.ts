import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSealing } from './seal.ts'

const sealing = createSealing(Buffer.alloc(32, 1))

test('what was sealed opens for its purpose, with its key, unchanged, and not otherwise', () => {
  const sealed = sealing.seal('totp ana', 'secret')
  assert.equal(sealing.open('totp ana', sealed), 'secret')
  assert.ok(!sealed.includes('secret'))
  assert.throws(() => sealing.open('totp bob', sealed))
  assert.throws(() => createSealing(Buffer.alloc(32, 2)).open('totp ana', sealed))
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
  assert.notDeepEqual(sealing.mac('e-mail', 'ana'), createSealing(Buffer.alloc(32, 2)).mac('e-mail', 'ana'))
})
