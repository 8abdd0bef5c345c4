import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { createKeyRing, createMasterKey } from './keys.ts'
import { type EntityRecord, initialState, type SyncState } from './local-store.ts'
import { emptyRecord, reconcile } from './reconcile.ts'
import { type SealedEntity, type Sealer, seal } from './sealed-entity.ts'

const user = randomUUID()
const sealer: Sealer = { user, keys: createKeyRing(user, [createMasterKey()]), collectionOf: (type) => type }
const id = randomUUID()

function version(number: number, text = `version ${number}`, parent?: SealedEntity): SealedEntity {
  const value = new TextEncoder().encode(text)
  return seal(sealer, { id, type: 'dose', version: number, deleted: false }, { value, parent: parent?.checksum })
}

const inEpoch = (epoch: number): SyncState => ({ ...initialState, epoch })
const holding = (sealed: SealedEntity, epoch: number): EntityRecord => ({
  ...emptyRecord(id, 'dose'),
  confirmed: { sealed, epoch },
})
const outcome = (record: EntityRecord | undefined, sealed: SealedEntity, written: number, now: number) =>
  reconcile(record, { sealed, epoch: written }, inEpoch(now), sealer)

test('within an epoch a newer version is taken over and the same one changes nothing', () => {
  const [first, second] = [version(1), version(2)]
  assert.equal(outcome(undefined, first, 1, 1).outcome, 'adopted')
  assert.equal(outcome(holding(first, 1), second, 1, 1).outcome, 'adopted')
  assert.equal(outcome(holding(first, 1), first, 1, 1).outcome, 'same')
})

test('within an epoch an older version, or another content of the same, is an attack and changes nothing', () => {
  const [first, second] = [version(1), version(2)]
  for (const [row, what] of [
    [first, 'replayed'],
    [version(2, 'other'), 'replaced'],
  ] as const) {
    const { record, outcome: found } = outcome(holding(second, 1), row, 1, 1)
    assert.equal(found, what)
    assert.equal(record.confirmed?.sealed.checksum, second.checksum)
  }
})

test('blobs exchanged between entities, relabelled or damaged are not believed', () => {
  const sealed = version(1)
  const elsewhere = randomUUID()
  assert.equal(outcome(undefined, { ...sealed, id: elsewhere }, 1, 1).outcome, 'forged')
  assert.equal(outcome(undefined, { ...sealed, deleted: true }, 1, 1).outcome, 'forged')
  assert.equal(outcome(undefined, { ...sealed, version: 9 }, 1, 1).outcome, 'forged')
  assert.equal(outcome(undefined, { ...sealed, checksum: 'ab'.repeat(32) }, 1, 1).outcome, 'damaged')
})

test('after a restore an older version from before it is honest, and ours is pushed again over it', () => {
  const { record, outcome: found } = outcome(holding(version(5), 1), version(3), 1, 2)
  assert.equal(found, 'push-again')
  assert.deepEqual(
    record.pending.map(({ sealed, base }) => [sealed.version, base]),
    [[5, 3]],
  )
})

test('after a restore a version that continues ours is taken over, and one that does not is a conflict', () => {
  const ours = version(5)
  assert.equal(outcome(holding(ours, 1), version(6, 'next', ours), 2, 2).outcome, 'adopted')
  assert.equal(outcome(holding(ours, 1), version(5, 'version 5'), 2, 2).outcome, 'adopted', 'the same words')
  const { record, outcome: found } = outcome(holding(ours, 1), version(4, 'a different story'), 2, 2)
  assert.equal(found, 'conflict')
  assert.equal(record.pending[0]?.sealed.checksum, ours.checksum, 'ours is kept until somebody decides')
})

test('the epoch of a row cannot be used to set a device back', () => {
  const ours = version(5)
  const { record, outcome: found } = outcome(holding(ours, 2), version(3), 1, 2)
  assert.equal(found, 'replayed', 'ours was seen in this epoch already')
  assert.equal(record.confirmed?.sealed.checksum, ours.checksum)
})
