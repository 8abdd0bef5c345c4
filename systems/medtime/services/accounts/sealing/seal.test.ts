import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSealing } from './seal.ts'
import { sealingKey } from './sealing-key.ts'

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

test('instances that start at once on one machine share the key of one file, which only its owner reads', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'medtime-key-'))
  const file = join(directory, 'below', 'accounts.key')
  const keys = await Promise.all([sealingKey({ file }), sealingKey({ file }), sealingKey({ file })])
  assert.equal(keys[0]?.length, 32)
  assert.deepEqual(keys[1], keys[0])
  assert.deepEqual(keys[2], keys[0])
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  await rm(directory, { recursive: true })
})
