import type { EntityRecord } from '../local-store.ts'
import { open, type Sealer } from '../sealed-entity.ts'
import { decodeMark, markId, markType } from './mark.ts'
import type { MarkState } from './mark-state.ts'
import { merge } from './pinned.ts'
import { emptySet, type SetHash } from './set-commitment.ts'

/** What one answer of the server changed of an entity. */
export interface Change {
  before: EntityRecord | undefined
  after: EntityRecord
  /** The server acknowledged a write of this device. */
  acknowledged: boolean
}

/** Takes changes into what is known of marks. The caller saves both at once. */
export type Track = (marks: MarkState, changes: readonly Change[]) => MarkState

export function createTrack(sealer: Sealer, replace: SetHash): Track {
  return (marks, changes) => {
    const next = { ...marks, view: { ...marks.view } }
    const owed: string[] = []
    for (const { before, after, acknowledged } of changes) {
      const [held, sealed] = [before?.confirmed?.sealed, after.confirmed?.sealed]
      if (held !== undefined && sealed === undefined) {
        // Given up, because the server says that it was deleted long ago. Whoever knows better is asked once more.
        next.due = true
        next.verified = {}
      }
      if (after.type === markType) {
        if (after.conflict !== undefined) next.disputed = [...new Set([...next.disputed, after.id])]
        if (sealed !== undefined && sealed !== held) noteMark(next, sealer, after)
        continue
      }
      // Who held what another device deleted vouches for the deletion too: it outlives the tombstone, which the server may clear away.
      const deleted = sealed?.deleted === true && held?.deleted === false
      if (acknowledged || deleted) owed.push(after.id)
      if (sealed?.checksum === held?.checksum) continue
      // The type of an entity may change, and its collection with it.
      if (held !== undefined) {
        const collection = sealer.collectionOf(held.type)
        next.view[collection] = replace(next.view[collection] ?? emptySet, held, undefined)
      }
      if (sealed !== undefined) {
        const collection = sealer.collectionOf(sealed.type)
        next.view[collection] = replace(next.view[collection] ?? emptySet, undefined, sealed)
      }
    }
    return owed.length === 0 ? next : { ...next, owed: [...next.owed, ...owed] }
  }
}

function noteMark(marks: MarkState, sealer: Sealer, { id, confirmed }: EntityRecord): void {
  marks.due = true
  const content = confirmed === undefined ? undefined : open(sealer, confirmed.sealed)
  const mark = content === undefined ? undefined : decodeMark(content.value)
  if (mark === undefined || id !== markId(sealer.user, mark.device)) return
  marks.devices = [...new Set([...marks.devices, mark.device])]
  marks.facts = merge(marks.facts, mark.facts)
}
