import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { SyncClient } from '../sync-client.ts'
import { emptyFamilyState, type FamilyState, familyState, mergeFamilyStates } from './state.ts'

/** Where a device keeps what it knows of its person's links. */
export interface FamilyStore {
  load(): Promise<FamilyState>
  /** Kept when the promise resolves. */
  save(state: FamilyState): Promise<void>
}

/** The entity that holds it; a type of its own is a collection of its own, which is never shared. */
export const familyEntityType = 'family_state'
export const familyEntity = '6d656474-696d-8066-8d69-6c7900000001'

/**
 * Keeps it among the person's own entities, so that every device has it: sealed, and with the same protection against a server that
 * turns back time. What two devices wrote at once is merged.
 */
export function syncedFamilyStore(client: SyncClient): FamilyStore {
  return {
    load: async () => {
      const ofState = async () => (await client.conflicts()).find(({ id }) => id === familyEntity)
      let conflict = await ofState()
      if (conflict !== undefined && conflict.theirs === undefined) {
        // A push was refused because of it; what the other device wrote comes with the next pull.
        await client.pull()
        conflict = await ofState()
      }
      if (conflict?.mine !== undefined && conflict.theirs !== undefined) {
        const merged = mergeFamilyStates(readFamilyState(conflict.mine.value), readFamilyState(conflict.theirs.value))
        await client.resolve(familyEntity, write(merged))
      }
      const item = await client.get(familyEntity)
      return item === undefined ? emptyFamilyState : readFamilyState(item.value)
    },
    save: async (state) => {
      await client.put(familyEntityType, familyEntity, write(state))
    },
  }
}

/** Keeps it in memory; for tests, and for a supervisor who starts anew every time. */
export function memoryFamilyStore(): FamilyStore {
  let state = emptyFamilyState
  return {
    load: async () => state,
    save: async (next) => {
      state = next
    },
  }
}

/** @throws when it is not such a state */
export function readFamilyState(value: Uint8Array): FamilyState {
  // A tombstone holds nothing.
  if (value.length === 0) return emptyFamilyState
  return familyState.parse(JSON.parse(new TextDecoder().decode(value)))
}

function write(state: FamilyState): Uint8Array {
  return utf8ToBytes(JSON.stringify(state))
}
