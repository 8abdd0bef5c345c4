import { z } from 'zod'
import { errorAnswer } from '../http/error-answer.ts'

/** Most bytes of a file as it is stored: what 5 MiB become by sealing and padding, TECH-INF-001 §2.2. */
export const fileLimit = 5_374_328

export const fileParams = z.strictObject({
  id: z
    .string()
    .regex(/^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/)
    .transform((id) => id.toLowerCase())
    .describe('Chosen by the client; names one content for ever.'),
})

/** RFC 9530, with the one algorithm that is asked for here. */
export const contentDigest = z
  .string()
  .regex(/^sha-256=:[A-Za-z0-9+/]{43}=:$/)
  .transform((text) => Buffer.from(text.slice('sha-256=:'.length, -1), 'base64'))

export const storedAnswer = z.object({ size: z.int().min(1) })
export const fullAnswer = errorAnswer.extend({
  quota_bytes: z.int().optional(),
  held_bytes: z.int().optional(),
  needed_bytes: z.int().optional(),
})
