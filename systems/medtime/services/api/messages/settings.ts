import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type KeyRing, keysText, keyText, ringOf } from '../../keys/key-ring.ts'
import { createVault, type Vault } from './vault.ts'

/*
 * What both the API and the messenger must know. Everything may be left out; then nothing is sent in production, and elsewhere what is
 * sealed is sealed under a key that everybody knows.
 */

const schema = z.object({
  MESSAGES_KEY: keysText('hex').optional(),
  MESSAGES_NAMES_KEY: keyText('hex').optional(),
  TWILIO_AUTH_TOKEN: z.string().min(1).optional(),
  MESSAGES_WEBHOOK_ORIGIN: z
    .url({ protocol: /^https?$/ })
    .regex(/[^/]$/)
    .optional(),
  // Named, so that a deployment that says nothing gets no key that everybody knows.
  AVAL_ENVIRONMENT: z.string().optional(),
})

export interface MessagesSettings {
  /** Undefined when there is no key: then nothing can be sealed, and nothing is taken. */
  vault: Vault | undefined
  /** What a provider's requests are signed with, and the address it was told; undefined when it speaks to nobody here. */
  webhook: { authToken: string; origin: string } | undefined
}

const developmentEnvironments: readonly (string | undefined)[] = ['development', 'scratch']

/** @throws Error that names the variables in the way, never their values */
export function readMessagesSettings(environment: NodeJS.ProcessEnv): MessagesSettings {
  const result = schema.safeParse(environment)
  if (!result.success) {
    const names = [...new Set(result.error.issues.map((issue) => issue.path.join('.')))]
    throw new Error(`These environment variables are malformed: ${names.join(', ')}`)
  }
  const { MESSAGES_KEY, MESSAGES_NAMES_KEY, TWILIO_AUTH_TOKEN, MESSAGES_WEBHOOK_ORIGIN, AVAL_ENVIRONMENT } = result.data
  const developing = developmentEnvironments.includes(AVAL_ENVIRONMENT)
  const keys = MESSAGES_KEY ?? (developing ? developmentKeys() : undefined)
  const authToken = TWILIO_AUTH_TOKEN ?? (developing ? developmentAuthToken : undefined)
  const origin = MESSAGES_WEBHOOK_ORIGIN ?? (developing ? developmentOrigin : undefined)
  return {
    vault: keys === undefined ? undefined : createVault(ringOf('MESSAGES_KEY', keys, MESSAGES_NAMES_KEY)),
    webhook: authToken === undefined || origin === undefined ? undefined : { authToken, origin },
  }
}

function developmentKeys(): KeyRing['keys'] {
  return [createHash('sha256').update('medtime: a key for development').digest()]
}

/** With these anybody can try the webhooks of a development system. */
export const developmentAuthToken = 'development-auth-token'
export const developmentOrigin = 'https://api.medtime.example'
