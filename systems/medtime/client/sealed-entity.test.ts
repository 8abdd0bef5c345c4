import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createKeyRing, createMasterKey } from './keys.ts'
import { checksumOf, open, type SealedEntity, type Sealer, seal } from './sealed-entity.ts'

const user = randomUUID()
const master = createMasterKey()
const sealer: Sealer = { user, keys: createKeyRing(user, [master]), collectionOf: (type) => type }
const entity = { id: randomUUID(), type: 'medication', version: 3, deleted: false }
const content = { value: new TextEncoder().encode('aspirin 100 mg'), parent: 'ab'.repeat(32) }

test('what was sealed opens to the same, with its parent', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3_000 }), fc.boolean(), (value, first) => {
      const parent = first ? undefined : 'cd'.repeat(32)
      assert.deepEqual(open(sealer, seal(sealer, entity, { value, parent })), { value, parent })
    }),
  )
})

test('a blob that was given any other label does not open', () => {
  const sealed = seal(sealer, entity, content)
  const relabelled: Partial<SealedEntity>[] = [
    { id: randomUUID() },
    { type: 'dose' },
    { version: 2 },
    { version: 4 },
    { deleted: true },
    { keyId: `${sealed.keyId.slice(0, -1)}x` },
  ]
  for (const label of relabelled) assert.equal(open(sealer, { ...sealed, ...label }), undefined, JSON.stringify(label))
  const other = randomUUID()
  assert.equal(open({ ...sealer, user: other }, sealed), undefined, 'another user with the same key')
  assert.equal(open({ ...sealer, collectionOf: () => 'all' }, sealed), undefined, 'another collection')
})

test('a change of any byte is noticed', () => {
  const sealed = seal(sealer, entity, content)
  for (let index = 0; index < sealed.blob.length; index++) {
    const blob = Uint8Array.from(sealed.blob, (byte, at) => (at === index ? byte ^ 1 : byte))
    assert.equal(open(sealer, { ...sealed, blob }), undefined, `byte ${index}`)
  }
  for (const length of [0, 1, 24, 25, 40, sealed.blob.length - 1]) {
    assert.equal(open(sealer, { ...sealed, blob: sealed.blob.subarray(0, length) }), undefined, `cut to ${length}`)
  }
})

test('a deletion is sealed as well: nobody without the key can make one', () => {
  const tombstone = seal(sealer, { ...entity, deleted: true }, { value: new Uint8Array(), parent: undefined })
  assert.deepEqual(open(sealer, tombstone)?.value, new Uint8Array())
  assert.equal(open(sealer, { ...tombstone, deleted: false }), undefined)
})

test('the same content sealed twice looks different and has the same size as similar content', () => {
  const [one, two] = [seal(sealer, entity, content), seal(sealer, entity, content)]
  assert.notEqual(one.checksum, two.checksum)
  assert.equal(one.checksum, checksumOf(one.blob))
  const longer = seal(sealer, entity, { value: new TextEncoder().encode('aspirin 1000 mg'), parent: undefined })
  assert.equal(longer.blob.length, one.blob.length)
})

test('a replaced master key still opens what it sealed, and the new one seals', () => {
  const old = seal(sealer, entity, content)
  const rotated: Sealer = { ...sealer, keys: createKeyRing(user, [createMasterKey(), master]) }
  assert.deepEqual(open(rotated, old)?.value, content.value)
  const fresh = seal(rotated, entity, content)
  assert.notEqual(fresh.keyId, old.keyId)
  assert.equal(open(sealer, fresh), undefined)
})

test('collections have keys of their own, and a key id tells neither key nor collection', () => {
  const keys = createKeyRing(user, [master])
  const [medication, dose] = [keys.current('medication'), keys.current('dose')]
  assert.notDeepEqual(medication.key, dose.key)
  assert.match(medication.id, /^c1-[0-9a-f]{16}$/)
  assert.deepEqual(createKeyRing(user, [master]).current('medication'), medication, 'the same on every device')
  assert.throws(() => createKeyRing(user, [new Uint8Array(16)]), RangeError)
})
