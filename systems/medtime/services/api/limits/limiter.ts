import { createHmac } from 'node:crypto'
import type { Identity } from '../identity/token.ts'
import type { Bucket, Count, Counter } from './counter.ts'
import { type RateLimitName, rateLimits } from './rate-limits.ts'

/** One limit, and whom it counts. */
export interface Demand {
  limit: RateLimitName
  /** An address or the id of a user. */
  subject: string
}

/** How whoever asks stands with the limit nearest to its end. */
export interface Standing {
  allowed: boolean
  limit: RateLimitName
  /** Requests in any window. */
  of: number
  remaining: number
  /** Seconds until a limit that is spent takes one more; 0 while there is room. */
  waitSeconds: number
  /** Seconds until all of it is free again, when nothing more is asked. */
  resetSeconds: number
}

export interface Limiter {
  /**
   * Counts one request in every limit, or in none when one is spent.
   * @param demands those by address before those by user
   */
  take(demands: readonly Demand[], tier: Identity['tier']): Promise<Standing>
}

export interface LimiterOptions {
  counter: Counter
  /** What names of buckets are hashed with, 32 bytes; the same for every instance. */
  key: () => Promise<Uint8Array>
  now: () => number
  /** Times what the plan allows; 1 in production. */
  times: number
}

/** Subjects whose hash, and buckets whose end is remembered. */
const remembered = 20_000

/**
 * Milliseconds for which a spent bucket is not asked for again. It would be spent until its oldest slice goes, if what another
 * instance had just taken for requests it then refused by another limit had not been given back since.
 */
const trustedMs = 1_000

/** Holds the limits of the plan, for all instances together. */
export function createLimiter({ counter, key, now, times }: LimiterOptions): Limiter {
  const hashes = new Map<string, string>()
  const spent = new Map<string, { freesAt: number; trustedUntil: number }>()
  const spentFor = (bucket: string, time: number): number => {
    const { freesAt = 0, trustedUntil = 0 } = spent.get(bucket) ?? {}
    return time < trustedUntil ? freesAt - time : 0
  }
  const hashOf = async (subject: string): Promise<string> => {
    const known = hashes.get(subject)
    if (known !== undefined) return known
    const hash = createHmac('sha256', await key())
      .update(subject)
      .digest('base64url')
      .slice(0, 22)
    if (hashes.size >= remembered) hashes.clear()
    hashes.set(subject, hash)
    return hash
  }
  const bucketOf = async ({ limit, subject }: Demand, tier: Identity['tier']): Promise<Bucket> => {
    const { allowed, windowMs } = rateLimits[limit]
    return { key: `${limit}:${await hashOf(subject)}`, allowed: allowed[tier] * times, windowMs }
  }
  return {
    take: async (demands, tier) => {
      const buckets = await Promise.all(demands.map((demand) => bucketOf(demand, tier)))
      const time = now()
      const waits = buckets.map((bucket) => spentFor(bucket.key, time))
      const known = waits.some((ms) => ms > 0)
      const { allowed, counts } = known
        ? { allowed: false, counts: buckets.map((bucket, index) => knownCount(bucket, waits[index] ?? 0)) }
        : await counter.take(buckets, time)
      const standings = demands.map(({ limit }, index) => {
        const { allowed: of = 0, key: bucket = '', windowMs = 0 } = buckets[index] ?? {}
        const { used, freesMs } = counts[index] ?? { used: of, freesMs: 0 }
        if (!known && freesMs > 0) {
          if (spent.size >= remembered) spent.clear()
          spent.set(bucket, { freesAt: time + freesMs, trustedUntil: time + Math.min(freesMs, trustedMs) })
        }
        return {
          allowed,
          limit,
          of,
          remaining: Math.max(0, of - used),
          waitSeconds: Math.ceil(freesMs / 1000),
          resetSeconds: Math.ceil(windowMs / 1000),
        }
      })
      return standings.reduce((nearest, each) => (isNearer(each, nearest) ? each : nearest))
    },
  }
}

function knownCount({ allowed }: Bucket, spentForMs: number): Count {
  return spentForMs > 0 ? { used: allowed, freesMs: spentForMs } : { used: 0, freesMs: 0 }
}

/** The later of two equals: the class of a request tells more than the sum of all. */
function isNearer(one: Standing, other: Standing): boolean {
  if (one.remaining !== other.remaining) return one.remaining < other.remaining
  return one.remaining > 0 || one.waitSeconds >= other.waitSeconds
}
