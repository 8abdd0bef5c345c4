import { z } from 'zod'
import plan from '../../../plan.ts'
import type { Identity } from '../identity/token.ts'

/** Limits on kinds of requests; a route says which it is of. */
export type RequestClass = 'sync_push' | 'sync_pull' | 'catalog' | 'ocr' | 'auth_endpoints'

export type RateLimitName = RequestClass | 'address_unauthenticated' | 'address_authenticated' | 'user_total'

export interface RateLimit {
  name: RateLimitName
  per: 'user' | 'address'
  windowMs: number
  /** Requests in any window. */
  allowed: Readonly<Record<Identity['tier'], number>>
}

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const duration = z
  .templateLiteral([z.int().positive(), z.enum(['s', 'm', 'h', 'd'])])
  .transform((text) => Number.parseInt(text, 10) * units[z.enum(['s', 'm', 'h', 'd']).parse(text.slice(-1))])
const count = z.int().positive()
const entry = z.object({
  requests: z.union([
    count.transform((each) => ({ free: each, pro: each, perfect: each })),
    z.object({ free: count, pro: count, perfect: count }),
  ]),
  window: duration,
  per: z.enum(['user', 'address']),
})

/** The limits of the plan, which is the only place where their figures stand. */
export const rateLimits: Readonly<Record<RateLimitName, RateLimit>> = {
  address_unauthenticated: read('address_unauthenticated'),
  address_authenticated: read('address_authenticated'),
  user_total: read('user_total'),
  sync_push: read('sync_push'),
  sync_pull: read('sync_pull'),
  catalog: read('catalog'),
  ocr: read('ocr'),
  auth_endpoints: read('auth_endpoints'),
}

function read(name: RateLimitName): RateLimit {
  const { requests, window, per } = entry.parse(plan.limits?.[name])
  return { name, per, windowMs: window, allowed: requests }
}
