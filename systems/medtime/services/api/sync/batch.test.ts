import assert from 'node:assert/strict'
import { hash, randomBytes, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { ApiError } from '../http/api-error.ts'
import { readBatch } from './batch.ts'
import { blobLimit, type PushEntity } from './wire.ts'

function entity(blob: Uint8Array, changes: Partial<PushEntity> = {}): PushEntity {
  return {
    id: randomUUID(),
    entity_type: 'dose',
    version: 1,
    deleted: false,
    key_id: 'k',
    encrypted_blob: Buffer.from(blob).toString('base64'),
    checksum: hash('sha256', blob, 'hex'),
    ...changes,
  }
}

test('sound blobs lie one after the other, each where the batch says', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { minLength: 1, maxLength: 20 }), (blobs) => {
      const { batch, rejected } = readBatch(blobs.map((blob) => entity(blob)))
      assert.deepEqual(rejected, [])
      const found = batch.starts.map((start, index) =>
        batch.blobs.subarray(start - 1, start - 1 + (batch.sizes[index] ?? 0)),
      )
      assert.deepEqual(
        found.map((blob) => blob.toString('hex')),
        blobs.map((blob) => Buffer.from(blob).toString('hex')),
      )
    }),
  )
})

test('each fault is named, and the sound ones stay', () => {
  const twice = randomUUID()
  const sound = randomBytes(10)
  const { batch, rejected } = readBatch([
    entity(sound, { id: twice }),
    entity(sound, { id: twice.toUpperCase(), version: 2 }),
    entity(sound, { checksum: '0'.repeat(64) }),
    entity(new Uint8Array()),
    entity(new Uint8Array(blobLimit + 1)),
    entity(new Uint8Array(blobLimit)),
  ])
  assert.deepEqual(
    rejected.map(({ index, reason }) => [index, reason]),
    [
      [1, 'duplicate'],
      [2, 'checksum'],
      [3, 'empty'],
      [4, 'too_large'],
    ],
  )
  assert.deepEqual(batch.sizes, [10, blobLimit])
})

test('what is not the one base64 of its bytes is refused', () => {
  for (const text of ['QQ', 'QQ=', 'QR==', 'Q Q=', 'QQ==\n', 'QQ-_', '====', 'QUI*', 'QQ==QQ==']) {
    const { rejected } = readBatch([entity(Uint8Array.of(65), { encrypted_blob: text })])
    assert.equal(rejected[0]?.reason, 'format', JSON.stringify(text))
  }
})

test('an entity replaces the version below its own unless it says which, and never a later one', () => {
  const { batch } = readBatch([
    entity(Uint8Array.of(1), { version: 5 }),
    entity(Uint8Array.of(1), { version: 5, base_version: 2 }),
  ])
  assert.deepEqual(batch.bases, [4, 2])
  assert.throws(() => readBatch([entity(Uint8Array.of(1), { version: 5, base_version: 5 })]), ApiError)
})
