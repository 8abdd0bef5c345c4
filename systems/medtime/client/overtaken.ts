import type { EntityRecord } from './local-store.ts'
import { sameContent } from './reconcile.ts'
import type { SealedEntity, Sealer } from './sealed-entity.ts'

/*
 * A person writes over what they see. Between that moment and the turn of their write a sync may bring what another device wrote: the
 * write is then no successor of it, and its person has to decide, as if it had been made before the sync.
 */

export function newestOf(record: EntityRecord | undefined): SealedEntity | undefined {
  return record?.pending.at(-1)?.sealed ?? record?.confirmed?.sealed
}

/**
 * Whether another device's version took the place of what was seen.
 * @param seen what was here when the person wrote
 * @param ours checksum of the version this device wrote last: it may be on the server by now
 */
export function wasOvertaken(
  record: EntityRecord,
  seen: EntityRecord | undefined,
  ours: string | undefined,
  sealer: Sealer,
): boolean {
  const { confirmed, pending } = record
  if (confirmed === undefined || pending.length > 0 || confirmed.sealed.checksum === ours) return false
  const shown = newestOf(seen)
  return (
    shown === undefined ||
    !(shown.checksum === confirmed.sealed.checksum || sameContent(sealer, shown, confirmed.sealed))
  )
}

/** The conflict of a write with the version that overtook it. */
export function overtaken(record: EntityRecord, by: SealedEntity): EntityRecord {
  return { ...record, conflict: { serverVersion: by.version, serverChecksum: by.checksum } }
}
