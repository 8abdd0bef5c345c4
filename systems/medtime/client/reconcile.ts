import type { EntityRecord, SyncState } from './local-store.ts'
import { checksumOf, open, type SealedEntity, type Sealer, sameSealed } from './sealed-entity.ts'

/** Why a row is not believed. */
export type Tampering =
  /** The blob is not what its checksum says. */
  | 'damaged'
  /** It does not open: changed, moved, renamed, or sealed by somebody without the key. */
  | 'forged'
  /** An older version than this device has seen, in the same epoch. */
  | 'replayed'
  /** Another content under a version this device has seen. */
  | 'replaced'
  /** The server lost it without saying that it was restored. */
  | 'missing'

export interface Reconciled {
  record: EntityRecord
  /** What happened: nothing new, a newer version taken over, a decision needed, ours to be sent again, or not believed. */
  outcome: 'same' | 'adopted' | 'conflict' | 'push-again' | Tampering
}

export interface Row {
  sealed: SealedEntity
  /** The epoch it was written in. */
  epoch: number
}

export function emptyRecord(id: string, type: string): EntityRecord {
  return {
    id,
    type,
    confirmed: undefined,
    pending: [],
    conflict: undefined,
    setAside: undefined,
    disbelieved: undefined,
    seenInWalk: 0,
  }
}

/**
 * Takes one row of a pull into what this device holds. Pure.
 *
 * While the server is known to hold our version in its present epoch, versions only rise and a lower one is an attack. After a
 * restore that is not known: a lower version is honest when it was written before the restore, as its epoch says; it is an
 * ancestor of ours, and ours is pushed again over it. A row written after the restore may be another device's work on that
 * ancestor: it is taken over when it names our version as its parent, and else somebody has to decide.
 */
export function reconcile(known: EntityRecord | undefined, row: Row, state: SyncState, sealer: Sealer): Reconciled {
  const { sealed } = row
  const epoch = state.epoch ?? row.epoch
  const met: EntityRecord = { ...(known ?? emptyRecord(sealed.id, sealed.type)), seenInWalk: state.walk }
  const disbelieve = (outcome: Tampering): Reconciled => ({
    record: { ...met, disbelieved: sealed.checksum },
    outcome,
  })
  if (checksumOf(sealed.blob) !== sealed.checksum) return disbelieve('damaged')

  const record = onServer(met, sealed.version)
  const { confirmed } = record
  if (confirmed !== undefined && sameSealed(sealed, confirmed.sealed)) {
    // What waited to be brought back is there already: another device was faster.
    return { record: { ...withoutWrite(record, sealed), confirmed: { sealed, epoch } }, outcome: 'same' }
  }
  const [next] = record.pending
  if (next !== undefined && sameSealed(sealed, next.sealed)) {
    // Our own write, whose acknowledgement was lost.
    return {
      record: { ...withoutWrite(record, sealed), confirmed: { sealed, epoch }, conflict: undefined },
      outcome: 'same',
    }
  }

  const content = open(sealer, sealed)
  if (content === undefined) return disbelieve('forged')
  if (confirmed === undefined) return take(record, sealed, epoch)
  const held = confirmed.sealed

  if (confirmed.epoch === epoch) {
    if (sealed.version < held.version) return disbelieve('replayed')
    if (sealed.version === held.version) return disbelieve('replaced')
    return take(record, sealed, epoch)
  }

  const fromBefore = row.epoch < epoch
  if (fromBefore && sealed.version > held.version) return take(record, sealed, epoch)
  if (fromBefore && sealed.version < held.version) {
    return { record: pushAgain(record, sealed.version), outcome: 'push-again' }
  }
  const sameOrFrom = sameContent(sealer, sealed, held) || open(sealer, held)?.parent === sealed.checksum
  if (sealed.version < held.version && sameOrFrom) {
    // Another device brought back what ours was made from, or what ours says again: ours follows it, as it did before.
    return { record: pushAgain(record, sealed.version), outcome: 'push-again' }
  }
  if (content.parent === held.checksum || sameContent(sealer, sealed, held)) return take(record, sealed, epoch)
  // Two histories: ours goes on as a write that waits for a decision.
  const { pending } = withoutWrite(record, sealed)
  const ours = pending.length > 0 ? pending : [{ sealed: held, base: sealed.version, sent: true }]
  return {
    record: { ...record, confirmed: { sealed, epoch }, pending: ours, conflict: conflictWith(sealed) },
    outcome: 'conflict',
  }
}

/**
 * What a conflict becomes once the server is known to hold `version`, 0 for nothing. Two writes that are both here have to be
 * decided still, over what the server holds now. A version that was refused to us and never seen may be gone by a restore, and
 * with it the conflict: if it is not, it comes with its own row, or the next push is refused again.
 */
export function onServer(record: EntityRecord, version: number): EntityRecord {
  const { confirmed, conflict } = record
  if (conflict === undefined) return record
  const bothHere = confirmed?.sealed.checksum === conflict.serverChecksum
  return { ...record, conflict: bothHere ? { ...conflict, serverVersion: version } : undefined }
}

/** The server has not got what this device holds: it is pushed as it is, under its own version, over `base`. */
export function pushAgain(record: EntityRecord, base: number): EntityRecord {
  const { confirmed } = record
  if (confirmed === undefined) return record
  const { pending } = withoutWrite(record, confirmed.sealed)
  return { ...record, pending: [{ sealed: confirmed.sealed, base, sent: false }, ...pending] }
}

/** The row becomes what is known; own writes that do not know of it have to be decided. */
function take(record: EntityRecord, sealed: SealedEntity, epoch: number): Reconciled {
  // What was only to be brought back is no work of ours: the row has replaced it.
  const { pending } = record.confirmed === undefined ? record : withoutWrite(record, record.confirmed.sealed)
  const taken = { ...record, type: sealed.type, confirmed: { sealed, epoch }, pending }
  if (pending.length === 0) return { record: { ...taken, conflict: undefined }, outcome: 'adopted' }
  return { record: { ...taken, conflict: conflictWith(sealed) }, outcome: 'conflict' }
}

function conflictWith(sealed: SealedEntity): NonNullable<EntityRecord['conflict']> {
  return { serverVersion: sealed.version, serverChecksum: sealed.checksum }
}

function withoutWrite(record: EntityRecord, sealed: SealedEntity): EntityRecord {
  return { ...record, pending: record.pending.filter((write) => !sameSealed(write.sealed, sealed)) }
}

/** Whether two versions say the same to a person, whatever sealed them. */
export function sameContent(sealer: Sealer, a: SealedEntity, b: SealedEntity): boolean {
  const [left, right] = [open(sealer, a)?.value, open(sealer, b)?.value]
  if (left === undefined || right === undefined || a.deleted !== b.deleted || a.type !== b.type) return false
  return left.length === right.length && left.every((byte, index) => byte === right[index])
}
