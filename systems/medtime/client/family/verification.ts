import { expand } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { joinFields } from '../associated-data.ts'

/*
 * How two people find out that no server stands between them.
 *
 * The short code is made of both public keys, both ids and a random number of each side. What counts is the order: the supervised is
 * bound to its number by the commitment in the invite, the supervisor answers with its own, and only then the supervised reveals.
 * Whoever stands between has to choose what it tells each side before it knows what the other will say, so that it has one guess an
 * invite: grinding through key pairs for codes that agree is of no use.
 *
 * 30 digits are 99.7 bits. Without the commitment they would not be enough: looking for two key pairs that give the same code on both
 * sides takes the square root of it, 2^50 attempts, which can be bought. With it even somebody who compares two groups only
 * leaves one chance in 10^10. Digits and not words, because the two may not share a language.
 */

/** What one side brings to a link. */
export interface Side {
  user: string
  /** X25519, 32 bytes. */
  publicKey: Uint8Array
  /** 32 random bytes. */
  nonce: Uint8Array
}

const digits = 30
const groupDigits = 5

/** Binds the supervised to its key and its number before the supervisor has said anything. 32 bytes. */
export function commitmentOf(invite: string, supervised: Side): Uint8Array {
  return sha256(joinFields('medtime/1 family commitment', invite, ...fieldsOf(supervised)))
}

/** What both read to each other: six groups of five digits. */
export function shortCode(invite: string, supervised: Side, supervisor: Side): string {
  const hash = sha512(joinFields('medtime/1 family code', invite, ...fieldsOf(supervised), ...fieldsOf(supervisor)))
  // 512 bits over 10^30: how much one code is likelier than another does not matter.
  const number = BigInt(`0x${bytesToHex(hash)}`) % 10n ** BigInt(digits)
  const text = number.toString().padStart(digits, '0')
  return Array.from({ length: digits / groupDigits }, (_, group) =>
    text.slice(group * groupDigits, (group + 1) * groupDigits),
  ).join(' ')
}

/** Whether what somebody typed is the code, spaces aside. */
export function sameCode(typed: string, code: string): boolean {
  const bare = (text: string) => text.replace(/[\s-]/g, '')
  return bare(typed) === bare(code)
}

/**
 * Two secrets of an invite, neither of which tells the other. The server is shown the first; the second never leaves the two devices
 * and proves that a public key was chosen by the holder of the invite.
 */
export function secretsOf(invite: { id: string; secret: Uint8Array }): { shown: Uint8Array; kept: Uint8Array } {
  const derive = (purpose: string) =>
    expand(sha256, invite.secret, joinFields(`medtime/1 family ${purpose}`, invite.id), 32)
  return { shown: derive('shown'), kept: derive('kept') }
}

/** By the holder of the invite, over its own key and number. 32 bytes. */
export function tagOf(kept: Uint8Array, supervised: string, supervisor: Side): Uint8Array {
  return hmac(sha256, kept, joinFields('medtime/1 family answer', supervised, ...fieldsOf(supervisor)))
}

function fieldsOf({ user, publicKey, nonce }: Side): string[] {
  return [user, bytesToHex(publicKey), bytesToHex(nonce)]
}
