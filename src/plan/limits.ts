import { z } from 'zod'
import { citation, name } from './citation.ts'
import { bytes, duration } from './units.ts'

const scope = {
  of: z.string().describe('What is limited: a class of requests, a body, a message.'),
  tiers: z.array(z.string()).default([]),
  status: z.int().default(429),
  ...citation,
}

const amount = z
  .union([z.int().nonnegative(), z.record(z.string(), z.int().nonnegative())])
  .describe('One number, or one a tier.')

export const limits = z
  .record(
    name,
    z.union([
      z
        .strictObject({
          requests: amount,
          window: duration,
          per: z.enum(['user', 'address', 'device', 'topic', 'number', 'tenant', 'everyone']),
          when: z.enum(['always', 'authenticated', 'unauthenticated']).default('always'),
          headers: z.array(z.string()).default([]),
          ...scope,
        })
        .describe('Requests in a window.'),
      z.strictObject({ bytes, ...scope }).describe('Size.'),
      z
        .strictObject({ count: amount, per: z.enum(['user', 'request', 'page', 'tenant', 'service']), ...scope })
        .describe('How many at once.'),
      z.strictObject({ time: duration, ...scope }).describe('How long one may take.'),
    ]),
  )
  .default({})

export type Limit = z.output<typeof limits>[string]
