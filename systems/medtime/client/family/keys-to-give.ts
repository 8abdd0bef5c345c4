import { toBase64 } from '../base64.ts'
import type { CollectionKey, KeyRing } from '../keys.ts'
import type { SealedEntity } from '../sealed-entity.ts'
import type { FamilyIdentity } from './identity.ts'
import { sealKey } from './sealed-key.ts'
import type { DeliveredKey } from './wire.ts'

export interface KeysWanted {
  from: FamilyIdentity
  supervisor: string
  /** The key that both compared. */
  publicKey: Uint8Array
  types: readonly string[]
  collectionOf: (type: string) => string
  ring: KeyRing
  /** What is on the server. */
  held: readonly SealedEntity[]
}

/**
 * The present key of every collection that is shared, and every other that something shared is still sealed with: no more, so that a
 * new supervisor is not handed keys that are of no use any more.
 */
export async function keysToGive(wanted: KeysWanted): Promise<DeliveredKey[]> {
  const { from, supervisor, publicKey, types, collectionOf, ring, held } = wanted
  const keys = new Map<string, { collection: string; key: CollectionKey }>()
  const want = (collection: string, key: CollectionKey | undefined) => {
    if (key !== undefined) keys.set(`${collection} ${key.id}`, { collection, key })
  }
  for (const type of types) want(collectionOf(type), ring.current(collectionOf(type)))
  for (const { type, keyId } of held) {
    const collection = collectionOf(type)
    if (types.includes(type) && !keys.has(`${collection} ${keyId}`)) want(collection, ring.find(collection, keyId))
  }
  return Promise.all(
    [...keys.values()].map(async ({ collection, key: { id: keyId, key } }) => {
      const binding = { supervised: from.user, supervisor, collection, keyId }
      return { collection, key_id: keyId, sealed: toBase64(await sealKey(from, publicKey, binding, key)) }
    }),
  )
}
