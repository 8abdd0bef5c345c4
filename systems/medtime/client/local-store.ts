import { initialMarks, type MarkState } from './commitment/mark-state.ts'
import type { SealedEntity } from './sealed-entity.ts'

/** A write the server has not acknowledged yet. */
export interface PendingWrite {
  sealed: SealedEntity
  /** The version on the server that it replaces; 0 for none. */
  base: number
  /** Once sent it may be on the server, so that it is sent again as it is or not at all. */
  sent: boolean
}

export interface EntityRecord {
  id: string
  type: string
  /** The newest version known to have been on the server, and the last epoch it was seen there. */
  confirmed: { sealed: SealedEntity; epoch: number } | undefined
  /** When this device last wrote it to the server, milliseconds since the epoch. */
  pushedAt?: number | undefined
  /** Oldest first. */
  pending: PendingWrite[]
  /** Set when another device wrote what `pending` does not know of; somebody has to decide. */
  conflict: { serverVersion: number; serverChecksum: string } | undefined
  /** Set when the server refuses the oldest pending write as it is. */
  setAside: { reason: string; detail: string } | undefined
  /** Checksum of the last row that was not believed: a decision may write over it unseen. */
  disbelieved: string | undefined
  /** The last walk through all changes in which the server had this entity. */
  seenInWalk: number
}

export interface SyncState {
  /** Undefined until the first pull. */
  epoch: number | undefined
  cursor: string | undefined
  /** Number of the walk through all changes, from the start, that the cursor belongs to. */
  walk: number
  /** Why the walk began: it is the first, or something was already held; undefined once it has come to the end. */
  rewalk: 'first' | 'restored' | 'cursor-lost' | 'away' | undefined
  /** Every deletion from before this time (ms since the epoch) was met here, or concerns nothing that is held here. */
  freshAt: number | undefined
  /** The epoch of a restore that the person has not been told of. */
  untold: number | undefined
  /** What is known of the marks of the user's devices. */
  marks: MarkState
}

/** Where a device keeps what it holds: sealed, as the server has it. */
export interface LocalStore {
  state(): Promise<SyncState>
  get(id: string): Promise<EntityRecord | undefined>
  all(): Promise<EntityRecord[]>
  /** Those with a write to send: something pending, no conflict, not set aside. */
  waiting(): Promise<EntityRecord[]>
  /** Saves all of it or none: a cursor must never be ahead of the changes it stands after. */
  save(records: readonly EntityRecord[], state?: SyncState): Promise<void>
}

export const initialState: SyncState = {
  epoch: undefined,
  cursor: undefined,
  walk: 1,
  rewalk: 'first',
  freshAt: undefined,
  untold: undefined,
  marks: initialMarks,
}

/** Keeps everything in memory; for tests, and for a device that starts anew every time. */
export function memoryStore(): LocalStore {
  const records = new Map<string, EntityRecord>()
  let state = initialState
  // Copies, as a store on disk would give: nobody changes what is kept by changing what was read. Sealed versions never change, and
  // are shared.
  return {
    state: async () => ({ ...state }),
    get: async (id) => {
      const record = records.get(id)
      return record && copy(record)
    },
    all: async () => [...records.values()].map((record) => copy(record)),
    waiting: async () => [...records.values()].filter(hasWork).map((record) => copy(record)),
    save: async (changed, next) => {
      for (const record of changed) records.set(record.id, copy(record))
      if (next !== undefined) state = { ...next }
    },
  }
}

function copy(record: EntityRecord): EntityRecord {
  const { confirmed, pending, conflict, setAside } = record
  return {
    ...record,
    confirmed: confirmed && { ...confirmed },
    pending: pending.map((write) => ({ ...write })),
    conflict: conflict && { ...conflict },
    setAside: setAside && { ...setAside },
  }
}

/** Whether the oldest write of an entity may be sent. */
export function hasWork({ pending, conflict, setAside }: EntityRecord): boolean {
  return pending.length > 0 && conflict === undefined && setAside === undefined
}
