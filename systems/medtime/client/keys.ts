import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { joinFields } from './associated-data.ts'

/** Bytes of a master key, and of every key made from it. */
export const keyLength = 32

/** A new master key from the system's random source. Whoever has it reads everything; the server never does. */
export function createMasterKey(): Uint8Array {
  return randomBytes(keyLength)
}

export interface CollectionKey {
  /** Names the key without telling anything about it. */
  id: string
  key: Uint8Array
  /** How often the key of this collection had been replaced before. */
  generation: number
}

/** How often the key of a collection was replaced: each time somebody who had it must not have the next one. */
export interface Generations {
  of(collection: string): number
  /**
   * Learns what the person's devices wrote down about it.
   * @param versions of an entity, opened: what this device wrote and what it knows to be on the server
   * @returns whether a key was replaced that had not been known to be
   */
  learn(versions: (id: string) => Promise<Uint8Array[]>): Promise<boolean>
}

/** For who never shares: no key is ever replaced. */
const unreplaced: Generations = { of: () => 0, learn: async () => false }

/** Generations above the known one that are recognised: another device replaced a key and we have not heard yet. */
const ahead = 64

/** The keys of one user. Each collection has its own, so that one can be shared without the others. */
export interface KeyRing {
  /** What new content of a collection is sealed with. */
  current(collection: string): CollectionKey
  /** The key of an id, also of a master key that was replaced since; undefined when none of ours has this id. */
  find(collection: string, id: string): CollectionKey | undefined
}

/**
 * @param masters newest first: the first seals, all of them open
 * @param generations asked whenever something is sealed; nothing was ever replaced unless told
 * @throws RangeError for a key that is not 32 bytes long, or when there is none
 */
export function createKeyRing(
  user: string,
  masters: readonly [Uint8Array, ...Uint8Array[]],
  generations: Generations = unreplaced,
): KeyRing {
  for (const master of masters) {
    if (master.length !== keyLength) throw new RangeError(`a master key has ${keyLength} bytes`)
  }
  const roots = masters.map((master) => extract(sha256, master, utf8ToBytes('medtime/1')))
  const derived = new Map<string, (readonly CollectionKey[] | undefined)[]>()
  /** The keys of one generation, by master key. Who has one of them can make no other. */
  const ofGeneration = (collection: string, generation: number): readonly CollectionKey[] => {
    const generationsOf = derived.get(collection) ?? []
    const known = generationsOf[generation]
    if (known !== undefined) return known
    const fields = [user, collection, ...(generation === 0 ? [] : [String(generation)])]
    const keys = roots.map((root) => ({
      id: `c1-${bytesToHex(expand(sha256, root, joinFields('key id', ...fields), 8))}`,
      key: expand(sha256, root, joinFields('content key', ...fields), keyLength),
      generation,
    }))
    generationsOf[generation] = keys
    derived.set(collection, generationsOf)
    return keys
  }
  const named = (collection: string, generation: number, id: string) =>
    ofGeneration(collection, generation).find((key) => key.id === id)
  return {
    current: (collection) => {
      const [first] = ofGeneration(collection, generations.of(collection))
      if (first === undefined) throw new RangeError('a key ring holds at least one master key')
      return first
    },
    find: (collection, id) => {
      const present = generations.of(collection)
      // Nearly always it is the present one.
      let key = named(collection, present, id)
      for (let past = present - 1; key === undefined && past >= 0; past--) key = named(collection, past, id)
      for (let next = present + 1; key === undefined && next <= present + ahead; next++) {
        key = named(collection, next, id)
      }
      return key
    },
  }
}
