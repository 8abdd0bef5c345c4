import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Run } from '../../api/database.ts'
import type { Sealing } from '../sealing/seal.ts'
import { spend } from './spend.ts'

/** Work for whoever asks: a nonce with which SHA-256 of `token.nonce` begins with so many zero bits. */
export const challenge = z.object({ token: z.string(), algorithm: z.literal('sha-256'), zero_bits: z.int() })
export type Challenge = z.output<typeof challenge>

export const solution = z.strictObject({ token: z.string().min(1).max(256), nonce: z.string().min(1).max(64) })
export type Solution = z.output<typeof solution>

const validMs = 5 * 60_000
const leastBits = 16
const mostBits = 24

/** Twice the work for every five failures more, from a fifth of a second of a phone to a minute. */
export function bitsFor(failures: number, threshold: number): number {
  return Math.min(mostBits, leastBits + Math.max(0, Math.floor((failures - threshold) / 5)))
}

/** @param subject whom it is for; solved for one account it does not open another */
export function makeChallenge(sealing: Sealing, subject: string, bits: number, now: number): Challenge {
  const claims = `${now + validMs}.${bits}.${randomBytes(12).toString('base64url')}`
  return { token: `${claims}.${sign(sealing, subject, claims)}`, algorithm: 'sha-256', zero_bits: bits }
}

/** Whether the work was done, in time, for this subject, with at least so many bits, and for the first time. */
export async function accept(
  run: Run,
  sealing: Sealing,
  subject: string,
  { token, nonce }: Solution,
  now: number,
): Promise<boolean> {
  const cut = token.lastIndexOf('.')
  const claims = token.slice(0, cut)
  const [expires, bits] = claims.split('.').map(Number)
  if (expires === undefined || bits === undefined || !(expires > now)) return false
  const given = Buffer.from(token.slice(cut + 1))
  const expected = Buffer.from(sign(sealing, subject, claims))
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false
  if (leadingZeros(createHash('sha256').update(`${token}.${nonce}`).digest()) < bits) return false
  return spend(run, createHash('sha256').update(token).digest(), new Date(expires), now)
}

function sign(sealing: Sealing, subject: string, claims: string): string {
  return sealing.mac('challenge', `${subject}\n${claims}`).toString('base64url')
}

export function leadingZeros(bytes: Uint8Array): number {
  let zeros = 0
  for (const byte of bytes) {
    if (byte !== 0) return zeros + Math.clz32(byte) - 24
    zeros += 8
  }
  return zeros
}
