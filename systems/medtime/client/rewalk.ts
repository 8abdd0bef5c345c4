import type { SyncState } from './local-store.ts'

/**
 * Begins to walk through all changes anew: after a restore, or when the server does not know the cursor any more. What the
 * walk does not meet is missing on the server. A walk that began because of a restore stays one until it has come to its end.
 */
export function beginRewalk(
  state: SyncState,
  reason: 'restored' | 'cursor-lost',
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
    untold: reason === 'restored' ? epoch : state.untold,
  }
}

/** The server speaks of an epoch that is already over. It is not believed, and nothing is changed. */
export class EpochWentBack extends Error {
  constructor() {
    super('the server speaks of an epoch before the one this device knows')
    this.name = 'EpochWentBack'
  }
}
