import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'

/** Work the server asks for after too many failures. */
export const challenge = z.object({ token: z.string().max(256), algorithm: z.literal('sha-256'), zero_bits: z.int() })

/** No more than a phone does in a minute or two: a server could stop an app with it. */
const mostBits = 26

/** A nonce with which SHA-256 of `token.nonce` begins with so many zero bits. @throws when more is asked than anybody should */
export function solve({ token, zero_bits }: z.output<typeof challenge>): { token: string; nonce: string } {
  if (zero_bits > mostBits) throw new RangeError('the server asks for more work than this client does')
  for (let count = 0; ; count++) {
    const nonce = count.toString(36)
    if (leadingZeros(sha256(utf8ToBytes(`${token}.${nonce}`))) >= zero_bits) return { token, nonce }
  }
}

function leadingZeros(bytes: Uint8Array): number {
  let zeros = 0
  for (const byte of bytes) {
    if (byte !== 0) return zeros + Math.clz32(byte) - 24
    zeros += 8
  }
  return zeros
}
