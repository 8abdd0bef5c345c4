import type { Generations } from '../keys.ts'
import { type FamilyState, generationsOf, mergeFamilyStates } from './state.ts'
import { familyEntity, readFamilyState } from './store.ts'

/** How often keys were replaced, as far as this device knows. It only rises: no server can talk a device back to an older key. */
export interface FamilyGenerations extends Generations {
  /** @returns whether anything rose */
  raise(state: FamilyState): boolean
}

/** For `createSyncClient` and `createSupervised` of one device: the same object for both. */
export function familyGenerations(): FamilyGenerations {
  const known = new Map<string, number>()
  const raise = (state: FamilyState): boolean => {
    const higher = [...generationsOf(state)].filter(([collection, count]) => count > (known.get(collection) ?? 0))
    for (const [collection, count] of higher) known.set(collection, count)
    return higher.length > 0
  }
  return {
    of: (collection) => known.get(collection) ?? 0,
    raise,
    learn: async (versions) => {
      const states = (await versions(familyEntity)).map(readFamilyState)
      return states.length > 0 && raise(states.reduce(mergeFamilyStates))
    },
  }
}
