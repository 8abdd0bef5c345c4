import { randomUUID } from 'node:crypto'
import type { Database } from '../database.ts'
import { ApiError } from '../http/api-error.ts'
import { createEnqueue } from './enqueue.ts'
import { type Language, numericCode } from './message.ts'
import { phoneNumber } from './phone-number.ts'
import type { MessagesSettings } from './settings.ts'

/**
 * Brings codes to telephones for whoever makes them: resolves once the code is in the outbox, from where it is sent within its five minutes or
 * not at all.
 * @param database connected as a role that may enqueue: `medtime_api` or `medtime_accounts`
 * @returns a function that throws ApiError BAD_REQUEST for what is no number, UNAVAILABLE without a key for messages
 */
export function codeSender(parts: {
  database: Database
  settings: MessagesSettings
  /** Milliseconds since the epoch. */
  now: () => number
}): (message: { user: string; number: string; code: string; language?: Language }) => Promise<void> {
  const enqueue = createEnqueue({ vault: parts.settings.vault, now: parts.now })
  return async ({ user, number, code, language = 'es' }) => {
    const phone = phoneNumber.safeParse(number)
    if (!phone.success) throw new ApiError('BAD_REQUEST')
    const fields = { code: numericCode.parse(code) }
    const to = { user, phone: phone.data, language }
    await parts.database.transaction(user, (run) =>
      enqueue(run, { type: 'mfa_code', event: `code:${randomUUID()}`, to, fields }),
    )
  }
}
