import { z } from 'zod'
import { message, wrappedKey } from '../password/wire.ts'

/** One name for one device, as sync uses it. */
export const deviceId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)

/** Continues a sign-in whose first factor was right. */
export const ticket = z.string().min(1).max(128)
export const code = z.string().min(6).max(32)

const replaces = z
  .guid()
  .transform((id) => id.toLowerCase())
  .describe('The session of this device that ends with this sign-in, so that none of another device has to.')
  .optional()

/** What tokens are given for; `grant_type` says which. */
export const tokenRequest = z.discriminatedUnion('grant_type', [
  z.strictObject({
    grant_type: z.literal('opaque'),
    attempt_id: z.guid(),
    finish_request: message,
    device_id: deviceId,
    replaces,
  }),
  z.strictObject({
    grant_type: z.literal('id_token'),
    provider: z.string().min(1).max(64),
    id_token: z.string().min(1).max(16_384),
    device_id: deviceId,
    replaces,
  }),
  z.strictObject({
    grant_type: z.literal('second_factor'),
    ticket,
    method: z.enum(['totp', 'sms', 'recovery_code']).optional(),
    code: code.describe('Left out when the ticket was used to set a second factor up.').optional(),
    replaces,
  }),
  z.strictObject({
    grant_type: z.literal('refresh_token'),
    refresh_token: z.string().min(1).max(256),
    retry_key: z
      .guid()
      .describe('Chosen by the client, anew for each token: the same request again is then answered again.')
      .optional(),
  }),
])

export const endedSession = z.object({ session_id: z.guid(), device_id: deviceId, created_at: z.iso.datetime() })

export const tokenAnswer = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.int().describe('Seconds.'),
  refresh_token: z.string().describe('Used once: each answer brings the next one.'),
  refresh_expires_in: z.int().describe('Seconds.'),
  user_id: z.guid(),
  session_id: z.guid(),
  tier: z.enum(['free', 'pro', 'perfect']),
  ended_sessions: z.array(endedSession).describe('Ended by this sign-in, since the tier allows no more at once.'),
  wrapped_master_key: wrappedKey.optional().describe('After a password was shown: the master key it unwraps.'),
})

export type TokenAnswer = z.output<typeof tokenAnswer>
