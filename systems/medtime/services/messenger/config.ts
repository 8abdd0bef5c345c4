import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { type PhoneNumber, phoneNumber } from '../api/messages/phone-number.ts'
import { readMessagesSettings } from '../api/messages/settings.ts'
import { type LinkOrigin, linkOrigin } from '../api/messages/templates.ts'
import type { Vault } from '../api/messages/vault.ts'
import { type ServiceAccount, serviceAccount } from './fcm/service-account.ts'
import type { TwilioAccount } from './twilio/send.ts'

const url = z.url({ protocol: /^https?$/ }).regex(/[^/]$/)

const schema = z
  .object({
    HOST: z.string().default('127.0.0.1'),
    PORT: z.coerce.number().int().min(0).max(65_535),
    DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//),
    AVAL_ENVIRONMENT: z.string().optional(),
    MESSAGES_LINK_ORIGIN: linkOrigin.prefault('https://medtime.app/m'),
    MESSAGES_FOLDER: z.string().min(1).optional(),
    FCM_ACCOUNT_FILE: z.string().min(1).optional(),
    FCM_ORIGIN: url.default('https://fcm.googleapis.com'),
    TWILIO_ACCOUNT_SID: z
      .string()
      .regex(/^AC[0-9a-f]{32}$/)
      .optional(),
    TWILIO_USER: z.string().min(1).optional(),
    TWILIO_PASSWORD: z.string().min(1).optional(),
    TWILIO_NUMBERS: z
      .string()
      .transform((text) => text.split(','))
      .pipe(z.array(phoneNumber).min(1))
      .optional(),
    TWILIO_ORIGIN: url.default('https://api.twilio.com'),
    MESSAGES_WEBHOOK_ORIGIN: url.optional(),
  })
  // Twilio in part would be found out by the first message only.
  .refine(
    (values) =>
      values.TWILIO_ACCOUNT_SID === undefined ||
      (values.TWILIO_PASSWORD !== undefined &&
        values.TWILIO_NUMBERS !== undefined &&
        values.MESSAGES_WEBHOOK_ORIGIN !== undefined),
    { path: ['TWILIO_PASSWORD, TWILIO_NUMBERS, MESSAGES_WEBHOOK_ORIGIN'] },
  )

export interface MessengerConfig {
  host: string
  port: number
  databaseUrl: string
  vault: Vault
  linkOrigin: LinkOrigin
  fcm: { account: ServiceAccount; origin: string } | undefined
  twilio: { account: TwilioAccount; numbers: readonly PhoneNumber[]; origin: string; webhookOrigin: string } | undefined
  /** Where messages are written in place of a provider that is not configured; undefined outside development. */
  folder: string | undefined
}

/**
 * Reads the environment of the process, and the key file it names.
 * @throws Error that names what is in the way, never a value
 */
export function readMessengerConfig(environment: NodeJS.ProcessEnv): MessengerConfig {
  const result = schema.safeParse(environment)
  if (!result.success) {
    const names = [...new Set(result.error.issues.map((issue) => issue.path.join('.')))]
    throw new Error(`These environment variables are missing or malformed: ${names.join(', ')}`)
  }
  const values = result.data
  const { vault } = readMessagesSettings(environment)
  if (vault === undefined) throw new Error('MESSAGES_KEY is missing: 32 random bytes in hex, the same as the API has')
  const { TWILIO_ACCOUNT_SID: accountSid, TWILIO_PASSWORD: password, TWILIO_NUMBERS: numbers } = values
  const webhookOrigin = values.MESSAGES_WEBHOOK_ORIGIN
  const developing = ['development', 'scratch'].includes(values.AVAL_ENVIRONMENT ?? '')
  return {
    host: values.HOST,
    port: values.PORT,
    databaseUrl: values.DATABASE_URL,
    vault,
    linkOrigin: values.MESSAGES_LINK_ORIGIN,
    fcm:
      values.FCM_ACCOUNT_FILE === undefined
        ? undefined
        : { account: readAccount(values.FCM_ACCOUNT_FILE), origin: values.FCM_ORIGIN },
    twilio:
      accountSid === undefined || password === undefined || numbers === undefined || webhookOrigin === undefined
        ? undefined
        : {
            account: { accountSid, user: values.TWILIO_USER ?? accountSid, password },
            numbers,
            origin: values.TWILIO_ORIGIN,
            webhookOrigin,
          },
    folder: developing ? (values.MESSAGES_FOLDER ?? join(tmpdir(), 'medtime-messages')) : undefined,
  }
}

function readAccount(file: string): ServiceAccount {
  try {
    return serviceAccount.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    throw new Error('FCM_ACCOUNT_FILE does not name the key file of a service account')
  }
}
