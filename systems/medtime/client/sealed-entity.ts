import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes, hexToBytes, randomBytes } from '@noble/hashes/utils.js'
import { associatedData } from './associated-data.ts'
import type { KeyRing } from './keys.ts'
import { padmeLength } from './padding.ts'

/** One version of an entity as the server holds it. */
export interface SealedEntity {
  id: string
  type: string
  version: number
  deleted: boolean
  keyId: string
  blob: Uint8Array
  /** SHA-256 of the blob, hex. */
  checksum: string
}

/** What is inside. */
export interface Content {
  /** Empty for a tombstone. */
  value: Uint8Array
  /** Checksum of the version this one was made from; undefined for a first one. */
  parent: string | undefined
}

export interface Sealer {
  user: string
  keys: KeyRing
  /** The collection that entities of a type belong to. */
  collectionOf: (type: string) => string
}

/*
 * A blob: format byte, nonce of 24 bytes, ciphertext with its tag. Inside: 1 when there is a parent, its checksum (32 bytes, or
 * zeros), the length of the value as 32 bits, the value, zeros up to a PADMÉ length. The nonce is random: with 192 bits no
 * counter has to survive a restored phone.
 */
const format = 1
const nonceLength = 24
const headLength = 1 + 32 + 4

/** Seals a version with the collection's current key. A tombstone is sealed like any other, with no value. */
export function seal(
  sealer: Sealer,
  entity: { id: string; type: string; version: number; deleted: boolean },
  content: Content,
): SealedEntity {
  const collection = sealer.collectionOf(entity.type)
  const { id: keyId, key } = sealer.keys.current(collection)
  const length = headLength + content.value.length
  const plain = new Uint8Array(padmeLength(length))
  if (content.parent !== undefined) {
    plain[0] = 1
    plain.set(hexToBytes(content.parent), 1)
  }
  new DataView(plain.buffer).setUint32(33, content.value.length)
  plain.set(content.value, headLength)
  const nonce = randomBytes(nonceLength)
  const data = associatedData({ user: sealer.user, collection, keyId, ...entity })
  const blob = concatBytes(Uint8Array.of(format), nonce, xchacha20poly1305(key, nonce, data).encrypt(plain))
  return { ...entity, keyId, blob, checksum: checksumOf(blob) }
}

/** Opens a version; undefined when it is not, in every label, what one of this user's devices sealed. */
export function open(sealer: Sealer, sealed: SealedEntity): Content | undefined {
  const collection = sealer.collectionOf(sealed.type)
  const key = sealer.keys.find(collection, sealed.keyId)
  if (key === undefined || sealed.blob[0] !== format) return undefined
  const nonce = sealed.blob.subarray(1, 1 + nonceLength)
  const data = associatedData({ ...sealed, user: sealer.user, collection })
  try {
    const plain = xchacha20poly1305(key.key, nonce, data).decrypt(sealed.blob.subarray(1 + nonceLength))
    const size = new DataView(plain.buffer, plain.byteOffset).getUint32(33)
    if (headLength + size > plain.length) return undefined
    const parent = plain[0] === 1 ? bytesToHex(plain.subarray(1, 33)) : undefined
    return { value: plain.slice(headLength, headLength + size), parent }
  } catch {
    // Too short, or the tag does not fit: one answer for both.
    return undefined
  }
}

export function checksumOf(blob: Uint8Array): string {
  return bytesToHex(sha256(blob))
}

/** Whether two are the same version of the same entity, labels included. */
export function sameSealed(a: SealedEntity, b: SealedEntity): boolean {
  return (
    a.id === b.id &&
    a.type === b.type &&
    a.version === b.version &&
    a.deleted === b.deleted &&
    a.keyId === b.keyId &&
    a.checksum === b.checksum
  )
}
