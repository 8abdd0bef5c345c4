import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createKeyRing, createMasterKey } from './keys.ts'
import { initialState } from './local-store.ts'
import { emptyRecord, reconcile } from './reconcile.ts'
import { type SealedEntity, type Sealer, seal } from './sealed-entity.ts'

const user = '3f0c1a52-0000-4000-8000-000000000001'
const id = '3f0c1a52-0000-4000-8000-000000000002'
const sealer: Sealer = { user, keys: createKeyRing(user, [createMasterKey()]), collectionOf: (type) => type }

function version(number: number, text: string | undefined, parent?: SealedEntity): SealedEntity {
  const value = new TextEncoder().encode(text ?? '')
  const entity = { id, type: 'dose', version: number, deleted: text === undefined }
  return seal(sealer, entity, { value, parent: parent?.checksum })
}

/** What a device makes of a row that another device wrote after a restore, while it holds `held` from before. */
function afterRestore(held: SealedEntity, row: SealedEntity) {
  const known = { ...emptyRecord(id, 'dose'), confirmed: { sealed: held, epoch: 1 } }
  return reconcile(known, { sealed: row, epoch: 2 }, { ...initialState, epoch: 2, walk: 2 }, sealer)
}

describe('a row that another device brought back after a restore', () => {
  test('is followed by the version this device made from it', () => {
    const second = version(2, 'half a tablet')
    const third = version(3, 'a whole tablet', second)
    const { record, outcome } = afterRestore(third, second)
    assert.equal(outcome, 'push-again')
    assert.equal(record.conflict, undefined)
    assert.deepEqual(
      record.pending.map(({ sealed, base }) => [sealed.version, sealed.checksum, base]),
      [[3, third.checksum, 2]],
    )
  })

  test('is followed by a later version that says the same, so that no acknowledged version goes back', () => {
    const gone = version(3, undefined)
    const revived = version(4, 'a whole tablet', gone)
    const goneAgain = version(5, undefined, revived)
    const { record, outcome } = afterRestore(goneAgain, gone)
    assert.equal(outcome, 'push-again')
    assert.deepEqual(
      record.pending.map(({ sealed, base }) => [sealed.version, base]),
      [[5, 3]],
    )
  })

  test('is taken over when it was made from what this device holds', () => {
    const second = version(2, 'half a tablet')
    const third = version(3, 'a whole tablet', second)
    const { record, outcome } = afterRestore(second, third)
    assert.equal(outcome, 'adopted')
    assert.equal(record.confirmed?.sealed.version, 3)
  })

  test('is a conflict when neither was made from the other', () => {
    const { outcome, record } = afterRestore(version(3, 'a whole tablet'), version(2, 'nothing today'))
    assert.equal(outcome, 'conflict')
    assert.equal(record.pending[0]?.sealed.version, 3)
  })
})

describe('a conflict that a restore has overtaken', () => {
  const first = version(1, 'half a tablet')
  const mine = version(2, 'a whole tablet', first)
  const theirs = version(2, 'nothing today', first)
  const walking = { ...initialState, epoch: 2, walk: 2 }

  test('is none any more when the other version was never seen here and is lost', () => {
    const known = {
      ...emptyRecord(id, 'dose'),
      confirmed: { sealed: first, epoch: 1 },
      pending: [{ sealed: mine, base: 1, sent: true }],
      conflict: { serverVersion: theirs.version, serverChecksum: theirs.checksum },
    }
    const { record, outcome } = reconcile(known, { sealed: first, epoch: 1 }, walking, sealer)
    assert.equal(outcome, 'same')
    assert.equal(record.conflict, undefined)
    assert.deepEqual(
      record.pending.map(({ sealed, base }) => [sealed.checksum, base]),
      [[mine.checksum, 1]],
    )
  })

  test('stays one over what the server holds now when both versions are here', () => {
    const known = {
      ...emptyRecord(id, 'dose'),
      confirmed: { sealed: theirs, epoch: 1 },
      pending: [{ sealed: mine, base: 1, sent: true }],
      conflict: { serverVersion: theirs.version, serverChecksum: theirs.checksum },
    }
    const { record, outcome } = reconcile(known, { sealed: first, epoch: 1 }, walking, sealer)
    assert.equal(outcome, 'push-again')
    assert.deepEqual(record.conflict, { serverVersion: 1, serverChecksum: theirs.checksum })
    assert.deepEqual(
      record.pending.map(({ sealed, base }) => [sealed.checksum, base]),
      [
        [theirs.checksum, 1],
        [mine.checksum, 1],
      ],
    )
  })
})
