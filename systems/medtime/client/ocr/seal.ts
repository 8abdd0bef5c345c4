import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { randomBytes } from '@noble/ciphers/utils.js'
import { padmeLength } from '../padding.ts'

/*
 * Sealing with the keys of one exchange, by XChaCha20-Poly1305. The nonce is random and stands first: a request that is sent
 * again gets a second result under the same key.
 */

const nonceLength = 24
const tagLength = 16
/** Bytes that sealing adds. */
export const sealOverhead = nonceLength + tagLength

/** @param context what the sealed bytes are bound to */
export function seal(key: Uint8Array, plaintext: Uint8Array, context: Uint8Array): Uint8Array {
  const nonce = randomBytes(nonceLength)
  const ciphertext = xchacha20poly1305(key, nonce, context).encrypt(plaintext)
  const sealed = new Uint8Array(nonceLength + ciphertext.length)
  sealed.set(nonce)
  sealed.set(ciphertext, nonceLength)
  return sealed
}

function open(key: Uint8Array, sealed: Uint8Array, context: Uint8Array): Uint8Array {
  return xchacha20poly1305(key, sealed.subarray(0, nonceLength), context).decrypt(sealed.subarray(nonceLength))
}

/** @throws when the image was sealed with another key or changed on the way */
export function openImage(key: Uint8Array, { sealed, head }: { sealed: Uint8Array; head: Uint8Array }): Uint8Array {
  return open(key, sealed, head)
}

const resultContext = new TextEncoder().encode('result')

/** Seals a result, its length hidden among those near it. */
export function sealResult(key: Uint8Array, result: Uint8Array): Uint8Array {
  const padded = new Uint8Array(padmeLength(4 + result.length))
  new DataView(padded.buffer).setUint32(0, result.length)
  padded.set(result, 4)
  return seal(key, padded, resultContext)
}

/** @throws when it was sealed with another key or changed on the way */
export function openResult(key: Uint8Array, sealed: Uint8Array): Uint8Array {
  const padded = open(key, sealed, resultContext)
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0)
  if (length > padded.length - 4) throw new RangeError('the result is shorter than it says')
  return padded.subarray(4, 4 + length)
}
