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
}

/** The keys of one user. Each collection has its own, so that one can be shared without the others. */
export interface KeyRing {
  /** What new content of a collection is sealed with. */
  current(collection: string): CollectionKey
  /** The key of an id, also of a master key that was replaced since; undefined when none of ours has this id. */
  find(collection: string, id: string): CollectionKey | undefined
}

/**
 * @param masters newest first: the first seals, all of them open
 * @throws RangeError for a key that is not 32 bytes long, or when there is none
 */
export function createKeyRing(user: string, masters: readonly [Uint8Array, ...Uint8Array[]]): KeyRing {
  for (const master of masters) {
    if (master.length !== keyLength) throw new RangeError(`a master key has ${keyLength} bytes`)
  }
  const roots = masters.map((master) => extract(sha256, master, utf8ToBytes('medtime/1')))
  const derived = new Map<string, CollectionKey[]>()
  const ofCollection = (collection: string): CollectionKey[] => {
    const known = derived.get(collection)
    if (known !== undefined) return known
    const keys = roots.map((root) => ({
      id: `c1-${bytesToHex(expand(sha256, root, joinFields('key id', user, collection), 8))}`,
      key: expand(sha256, root, joinFields('content key', user, collection), keyLength),
    }))
    derived.set(collection, keys)
    return keys
  }
  return {
    current: (collection) => {
      const [first] = ofCollection(collection)
      if (first === undefined) throw new RangeError('a key ring holds at least one master key')
      return first
    },
    find: (collection, id) => ofCollection(collection).find((key) => key.id === id),
  }
}
