import { Chacha20Poly1305 } from '@hpke/chacha20poly1305'
import { CipherSuite, HkdfSha256 } from '@hpke/core'
import { DhkemX25519HkdfSha256 } from '@hpke/dhkem-x25519'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { joinFields } from '../associated-data.ts'
import { keyLength } from '../keys.ts'

/** RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305. */
export const familySuite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Chacha20Poly1305(),
})

/** The key pair by which a person gets keys from others, and gives them. */
export interface FamilyIdentity {
  user: string
  /** X25519, 32 bytes. */
  publicKey: Uint8Array
  pair: CryptoKeyPair
}

/**
 * Made from the master key: every device of a person has the same without a word, and there is nothing more to keep or to lose.
 * Another master key is another pair, which others have to verify anew.
 * @throws RangeError for a master key that is not 32 bytes long
 */
export async function familyIdentity(user: string, masterKey: Uint8Array): Promise<FamilyIdentity> {
  if (masterKey.length !== keyLength) throw new RangeError(`a master key has ${keyLength} bytes`)
  const root = extract(sha256, masterKey, utf8ToBytes('medtime/1'))
  const pair = await familySuite.kem.deriveKeyPair(expand(sha256, root, joinFields('family key pair', user), keyLength))
  return { user, publicKey: new Uint8Array(await familySuite.kem.serializePublicKey(pair.publicKey)), pair }
}

/** The same, made at the first use. */
export function identityOnce(user: string, masterKey: Uint8Array): () => Promise<FamilyIdentity> {
  let made: Promise<FamilyIdentity> | undefined
  return () => {
    made ??= familyIdentity(user, masterKey)
    return made
  }
}
