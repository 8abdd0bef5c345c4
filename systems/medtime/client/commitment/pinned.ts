import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'

/** What the server keeps of an account that no key of the user seals, and that it could therefore exchange. */
export type PinnedFact =
  /** The master key as it is wrapped for the password. */
  | 'keys'
  /** How the password is stretched. */
  | 'kdf'
  /** What the recovery code opens. */
  | 'recovery'
  /** The public key of a person who was let in, by that person's user id. */
  | `caregiver:${string}`

const digest = z.string().regex(/^[0-9a-f]{64}$/)

/** By fact: which digests the user's own devices stand for. The highest revision counts. */
export const pinnedFacts = z.record(z.string(), z.object({ revision: z.int().min(1), digests: z.array(digest).max(4) }))
export type PinnedFacts = z.output<typeof pinnedFacts>

/** The digest of a fact: of its parts in order, each behind its length. */
export function digestOf(...parts: readonly (string | Uint8Array)[]): string {
  return bytesToHex(
    sha256(
      concatBytes(
        ...parts.flatMap((part) => {
          const bytes = typeof part === 'string' ? utf8ToBytes(part) : part
          const length = new Uint8Array(4)
          new DataView(length.buffer).setUint32(0, bytes.length)
          return [length, bytes]
        }),
      ),
    ),
  )
}

/**
 * A change is announced before the server is asked to make it, and settled after: in between another device may meet the old or the new,
 * and neither is a lie. What nobody has pinned stays unknown: the old one would be taken for a lie.
 */
export function announce(facts: PinnedFacts, fact: PinnedFact, next: string): PinnedFacts {
  const known = facts[fact]
  if (known === undefined) return facts
  return {
    ...facts,
    [fact]: { revision: known.revision + 1, digests: [...new Set([...known.digests, next])].slice(-4) },
  }
}

/** From now on this and nothing else is true; undefined when there is nothing any more, as after a caregiver was sent away. */
export function settle(facts: PinnedFacts, fact: PinnedFact, now: string | undefined): PinnedFacts {
  const revision = (facts[fact]?.revision ?? 0) + 1
  return { ...facts, [fact]: { revision, digests: now === undefined ? [] : [now] } }
}

/** What several devices stand for together. Two that changed one fact at once are both believed until one of them settles it. */
export function merge(...all: readonly PinnedFacts[]): PinnedFacts {
  const merged: PinnedFacts = {}
  for (const [fact, entry] of all.flatMap((facts) => Object.entries(facts))) {
    const known = merged[fact]
    if (known === undefined || entry.revision > known.revision) merged[fact] = entry
    else if (entry.revision === known.revision) {
      const digests = [...new Set([...known.digests, ...entry.digests])].sort().slice(0, 4)
      merged[fact] = { revision: known.revision, digests }
    }
  }
  return merged
}

/** Whether what the server shows is what the devices stand for; `unknown` when none of them has said anything. */
export function check(facts: PinnedFacts, fact: PinnedFact, shown: string): 'unknown' | 'same' | 'changed' {
  const known = facts[fact]
  if (known === undefined) return 'unknown'
  return known.digests.includes(shown) ? 'same' : 'changed'
}
