import type { EntityRecord, SyncState } from './local-store.ts'

/**
 * Begins to walk through all changes anew: after a restore, or when the server does not know the cursor any more. What the
 * walk does not meet is missing on the server. A walk that began because of a restore stays one until it has come to its end.
 */
export function beginRewalk(
  state: SyncState,
  reason: 'restored' | 'cursor-lost' | 'away',
  epoch: number | undefined,
  cursor: string | undefined,
): SyncState {
  return {
    // In another epoch every mark has to be compared anew.
    marks: { ...state.marks, due: state.marks.due || epoch !== state.epoch },
    epoch,
    cursor,
    walk: state.walk + 1,
    rewalk: state.rewalk === 'restored' ? 'restored' : reason,
    freshAt: state.freshAt,
    untold: reason === 'restored' ? epoch : state.untold,
  }
}

/** The server keeps a tombstone for this long; a day less for clocks that differ. */
const tombstoneAgeMs = 89 * 86_400_000

/**
 * Whether deletions may have come and gone while the device was away. What such a device holds and the server has not was
 * deleted: whatever a restore could have lost is younger than that. A device that was here lately believes no such thing.
 */
export function wasAway({ freshAt }: SyncState, now: number): boolean {
  return freshAt !== undefined && now - freshAt >= tombstoneAgeMs
}

/** Whether this device wrote it so lately that no tombstone of it can have been cleared away. */
export function writtenLately({ pushedAt }: EntityRecord, now: number): boolean {
  return pushedAt !== undefined && now - pushedAt < tombstoneAgeMs
}

/** The server speaks of an epoch that is already over. It is not believed, and nothing is changed. */
export class EpochWentBack extends Error {
  constructor() {
    super('the server speaks of an epoch before the one this device knows')
    this.name = 'EpochWentBack'
  }
}
