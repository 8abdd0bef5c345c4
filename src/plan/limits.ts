import { z } from 'zod'
import { citation, name } from './citation.ts'
import { bytes, duration } from './units.ts'

const scope = {
  of: z.string().describe('What is limited: a class of requests, a body, a message.'),
  tiers: z.array(z.string()).default([]).describe('The tiers that numbers by tier are given for.'),
  status: z.int().default(429).describe('The HTTP status of a refusal.'),
  cases: z
    .boolean()
    .default(false)
    .describe('Whether the exercise has cases with the promise `limits/<name>`: what is just allowed, and one more.'),
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
          window: duration.describe('The time over which they are counted.'),
          per: z
            .enum(['user', 'address', 'device', 'topic', 'number', 'tenant', 'everyone'])
            .describe('Whose requests are counted together.'),
          when: z
            .enum(['always', 'authenticated', 'unauthenticated'])
            .default('always')
            .describe('Which requests it is for.'),
          headers: z.array(z.string()).default([]).describe('Headers that tell the client where it stands.'),
          ...scope,
        })
        .describe('Requests in a window.'),
      z.strictObject({ bytes: bytes.describe('The largest that is accepted.'), ...scope }).describe('Size.'),
      z
        .strictObject({
          count: amount,
          per: z.enum(['user', 'request', 'page', 'tenant', 'service']).describe('What they are counted by.'),
          ...scope,
        })
        .describe('How many at once.'),
      z
        .strictObject({ time: duration.describe('The longest it may take.'), ...scope })
        .describe('How long one may take.'),
    ]),
  )
  .default({})
  .describe('How much of something is allowed, held exactly.')

export type Limit = z.output<typeof limits>[string]
