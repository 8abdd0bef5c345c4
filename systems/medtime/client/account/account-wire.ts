import { z } from 'zod'
import { challenge } from './challenge.ts'
import { kdf } from './kdf.ts'

/** Answers of the accounts service. What a client reads it checks, as the server does. */
export const registrationAnswer = z.object({ registration_id: z.string(), registration_response: z.string() })
export const startAnswer = z.object({ attempt_id: z.string(), login_response: z.string(), kdf })
export const recoverAnswer = z.object({ wrapped_master_key: z.string() })
export const tokenAnswer = z.object({
  access_token: z.string(),
  expires_in: z.int(),
  refresh_token: z.string(),
  user_id: z.guid(),
  session_id: z.guid(),
  tier: z.enum(['free', 'pro', 'perfect']),
  ended_sessions: z.array(z.object({ session_id: z.string(), device_id: z.string(), created_at: z.string() })),
  wrapped_master_key: z.string().optional(),
})
export const challenged = z.object({ code: z.literal('CHALLENGE_REQUIRED'), challenge })
export const secondFactorNeeded = z.object({
  code: z.enum(['SECOND_FACTOR_NEEDED', 'SECOND_FACTOR_SETUP_NEEDED']),
  ticket: z.string(),
  methods: z.array(z.enum(['totp', 'sms', 'recovery_code'])),
})

export type TokenAnswer = z.output<typeof tokenAnswer>
export type SecondFactorNeeded = z.output<typeof secondFactorNeeded>
