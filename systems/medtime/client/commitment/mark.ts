import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { joinFields } from '../associated-data.ts'
import { fromBase64, toBase64 } from '../base64.ts'
import { type Claim, decodeClaims, encodeClaims, uuidOf } from './claim.ts'
import { pinnedFacts } from './pinned.ts'

/** The reserved type of marks, and the collection they are sealed in. */
export const markType = 'mark'

/** Claims of one leaf. A leaf is written once, when it is full. */
export const leafClaims = 128

const device = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
const count = z.int().min(0)
const claims = z.base64().transform((text, context): Claim[] => {
  try {
    return decodeClaims(fromBase64(text))
  } catch {
    context.addIssue({ code: 'custom', message: 'not a list of claims' })
    return z.NEVER
  }
})

const headSchema = z.object({
  format: z.literal('medtime-mark/1'),
  device,
  /** The server's epoch in which all of it holds. */
  epoch: z.int().min(1),
  /** When it was written, ISO 8601, by the clock of its device. */
  at: z.iso.datetime(),
  leaves: count,
  claims,
  /** By device: how many of its claims this one has seen in the epoch. */
  seen: z.record(device, count),
  /** By collection: the commitment to everything this device knows the server to hold, as text. */
  view: z.record(z.string(), z.string()),
  facts: pinnedFacts,
})

const leafSchema = z.object({ format: z.literal('medtime-mark-leaf/1'), device, index: count, claims })

/**
 * The mark of one device: everything it was acknowledged, as a list of claims that only grows. Full leaves of the list are entities of
 * their own and never change again; the head holds the rest.
 */
export type Mark = z.output<typeof headSchema>

/** How many claims a mark stands for, those of its leaves included. */
export function countOf(mark: Mark): number {
  return mark.leaves * leafClaims + mark.claims.length
}

/** The id of a device's mark, and of its leaves, which are counted from 0. The same on every device. */
export function markId(user: string, name: string, leaf?: number): string {
  const digest = sha256(joinFields('medtime/1 mark', user, name, leaf === undefined ? 'head' : String(leaf))).slice(
    0,
    16,
  )
  // As a UUID of version 8, whose bits are the maker's own (RFC 9562 §5.8).
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80
  return uuidOf(digest)
}

export function encodeMark(mark: Mark): Uint8Array {
  return utf8ToBytes(JSON.stringify({ ...mark, claims: toBase64(encodeClaims(mark.claims)) }))
}

/** Undefined for what is no mark of this device. */
export function decodeMark(value: Uint8Array): Mark | undefined {
  return parse(headSchema, value)
}

export function encodeLeaf(name: string, index: number, list: readonly Claim[]): Uint8Array {
  const leaf = { format: 'medtime-mark-leaf/1', device: name, index, claims: toBase64(encodeClaims(list)) }
  return utf8ToBytes(JSON.stringify(leaf))
}

/** The claims of a leaf; undefined for what is not this leaf. */
export function decodeLeaf(value: Uint8Array, name: string, index: number): Claim[] | undefined {
  const leaf = parse(leafSchema, value)
  const fits = leaf?.device === name && leaf.index === index && leaf.claims.length === leafClaims
  return fits ? leaf.claims : undefined
}

function parse<T>(schema: z.ZodType<T>, value: Uint8Array): T | undefined {
  try {
    return schema.safeParse(JSON.parse(new TextDecoder().decode(value))).data
  } catch {
    return undefined
  }
}
