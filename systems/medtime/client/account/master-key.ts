import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { joinFields } from '../associated-data.ts'
import { fromBase64, toBase64 } from '../base64.ts'
import type { WarningKind } from '../commitment/notice.ts'
import { keyLength } from '../keys.ts'

/** What opens a wrapped master key. */
export type Opener =
  /** The export key of OPAQUE: whoever has the password has it, the server never does. */
  { by: 'password'; exportKey: string } | { by: 'recovery-code'; secret: Uint8Array }

/** A wrapped master key did not open: it was changed, exchanged for another, or belongs to something else. */
export class MasterKeyUnreadable extends Error {
  /** What a person is told: `warningText` has the words. */
  readonly warning: WarningKind
  constructor(by: Opener['by']) {
    super('the wrapped master key does not open: the server gave another one than was left with it')
    this.name = 'MasterKeyUnreadable'
    this.warning = by === 'password' ? 'keys-replaced' : 'recovery-replaced'
  }
}

const nonceLength = 24

/** The master key for the server to keep, in base64. It is bound to the account and to what opens it. */
export function wrapMasterKey(masterKey: Uint8Array, opener: Opener, email: string): string {
  if (masterKey.length !== keyLength) throw new RangeError(`a master key has ${keyLength} bytes`)
  const nonce = randomBytes(nonceLength)
  const sealed = xchacha20poly1305(wrappingKey(opener), nonce, binding(opener, email)).encrypt(masterKey)
  return toBase64(concatBytes(nonce, sealed))
}

/** @throws MasterKeyUnreadable */
export function unwrapMasterKey(wrapped: string, opener: Opener, email: string): Uint8Array {
  try {
    const bytes = fromBase64(wrapped)
    const nonce = bytes.subarray(0, nonceLength)
    const key = xchacha20poly1305(wrappingKey(opener), nonce, binding(opener, email)).decrypt(
      bytes.subarray(nonceLength),
    )
    if (key.length === keyLength) return key
  } catch {
    // Whatever stands in the way, the key is not readable.
  }
  throw new MasterKeyUnreadable(opener.by)
}

/** What shows the server that somebody holds the recovery code, in base64; it opens nothing. */
export function recoveryProof(secret: Uint8Array, email: string): string {
  return toBase64(hkdf(sha256, secret, undefined, joinFields('medtime/1 recovery proof', knownAs(email)), 32))
}

/** The form an account is known by, as the server makes it. */
export function knownAs(email: string): string {
  return email.trim().normalize('NFC').toLowerCase()
}

function wrappingKey(opener: Opener): Uint8Array {
  const secret = opener.by === 'password' ? utf8ToBytes(opener.exportKey) : opener.secret
  return hkdf(sha256, secret, undefined, utf8ToBytes(`medtime/1 wrap master key by ${opener.by}`), keyLength)
}

function binding(opener: Opener, email: string): Uint8Array {
  return joinFields('medtime/1 master key', opener.by, knownAs(email))
}
