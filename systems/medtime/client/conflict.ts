import type { EntityRecord, PendingWrite } from './local-store.ts'
import { open, type SealedEntity, type Sealer, sameSealed, seal } from './sealed-entity.ts'

/** The server's version of a conflict, once it was pulled. */
export function theirsOf({ confirmed, conflict }: EntityRecord): SealedEntity | undefined {
  return confirmed?.sealed.checksum === conflict?.serverChecksum ? confirmed?.sealed : undefined
}

/** A decision is about what was shown; a version that came while it waited for its turn was not. */
export function otherVersionChanged(record: EntityRecord, shown: EntityRecord | undefined): boolean {
  const before = shown === undefined ? undefined : theirsOf(shown)
  return theirsOf(record)?.checksum !== before?.checksum
}

/**
 * What becomes of a conflict by a person's decision: ours, theirs, or a value made of both.
 * @throws when what was decided about is not here
 */
export function decideConflict(
  record: EntityRecord,
  decision: 'mine' | 'theirs' | Uint8Array,
  sealer: Sealer,
): EntityRecord {
  const theirs = theirsOf(record)
  const serverVersion = record.conflict?.serverVersion ?? 0
  const unseen = serverVersion > 0 && theirs === undefined && record.disbelieved !== record.conflict?.serverChecksum
  if (unseen) throw new Error('pull first: the other version is not here yet')
  const mine: PendingWrite | undefined = record.pending.at(-1)
  if (decision === 'theirs' || mine === undefined) {
    // The server may have lost theirs: then it is still to be brought back.
    const bringBack = record.pending.filter(({ sealed }) => theirs !== undefined && sameSealed(sealed, theirs))
    return { ...record, pending: bringBack, conflict: undefined }
  }
  const content = open(sealer, mine.sealed)
  const value = decision === 'mine' ? content?.value : decision
  if (value === undefined) throw new Error('this device cannot open its own write')
  const sealed = seal(
    sealer,
    {
      id: record.id,
      type: mine.sealed.type,
      // Above all, so that no history sees a version twice or going back.
      version: Math.max(serverVersion, theirs?.version ?? 0, mine.sealed.version) + 1,
      deleted: decision === 'mine' && mine.sealed.deleted,
    },
    { value, parent: theirs?.checksum },
  )
  return { ...record, pending: [{ sealed, base: serverVersion, sent: false }], conflict: undefined }
}
