import { z } from 'zod'
import type { Database } from '../database.ts'
import { type Language, language } from './message.ts'
import type { DevicesAnswer } from './wire.ts'

/** Devices of a person that are told at once; of more, the one registered longest ago makes room. */
export const mostDevices = 20
/** Codes of one user in a day, whether asked for here or by another part. */
export const mostCodes = 10
export const codeTries = 5
const dayMs = 86_400_000

export interface SealedNumber {
  sealed: Buffer
  hash: Buffer
  language: Language
}

export interface Check extends SealedNumber {
  code: Buffer
  now: Date
  expires: Date
}

export interface MessagesStore {
  putDevice(
    user: string,
    device: { id: string; platform: string; language: Language; sealed: Buffer; hash: Buffer; now: Date },
  ): Promise<void>
  devices(user: string): Promise<DevicesAnswer['devices']>
  deleteDevice(user: string, id: string): Promise<void>
  /** @returns when the next code may be asked for, when this one may not; else the check is there and `enqueue` was called in its transaction */
  ask(user: string, check: Check, enqueue: (run: Database['run']) => Promise<void>): Promise<Date | undefined>
  /** Uses up one try. Undefined when none is left, the time is over, or nothing was asked. */
  try(user: string, now: Date): Promise<{ code: Buffer; number: SealedNumber } | undefined>
  confirm(user: string, number: SealedNumber, now: Date): Promise<void>
  confirmedAt(user: string): Promise<Date | undefined>
  forgetPhone(user: string): Promise<void>
  noteReceipt(receipt: {
    digest: Buffer
    message: string
    providerId: string
    status: 'accepted' | 'delivered' | 'undelivered'
    errorCode: string | undefined
    now: Date
  }): Promise<'noted' | 'replayed' | 'unknown'>
  /** False when the same was told before. */
  noteWish(wish: { hash: Buffer; wish: 'stop' | 'start'; digest: Buffer; now: Date }): Promise<boolean>
}

const bytes = z.instanceof(Buffer)
const deviceRow = z.object({
  device_id: z.string(),
  platform: z.enum(['ios', 'android']),
  language,
  registered_at: z.date(),
})
const tryRow = z.object({ code_hash: bytes, sealed_number: bytes, number_hash: bytes, language })
const receiptRow = z.tuple([z.object({ outcome: z.enum(['noted', 'replayed', 'unknown']) })])

export function createMessagesStore({ run, transaction }: Database): MessagesStore {
  // Written from the parameters, not from `excluded`: to read that, the API would have to be let read what is sealed.
  return {
    putDevice: (user, { id, platform, language, sealed, hash, now }) =>
      transaction(user, async (inside) => {
        await inside('message-user', 'INSERT INTO public.srv_users (user_id) VALUES ($1) ON CONFLICT DO NOTHING', [
          user,
        ])
        await inside(
          'message-device',
          `INSERT INTO public.srv_message_devices
             (user_id, device_id, platform, language, sealed_token, token_hash, registered_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (user_id, device_id) DO UPDATE SET
             platform = $3, language = $4, sealed_token = $5, token_hash = $6, registered_at = $7`,
          [user, id, platform, language, sealed, hash, now],
        )
        await inside(
          'message-devices-surplus',
          `DELETE FROM public.srv_message_devices WHERE user_id = $1 AND device_id IN (
             SELECT device_id FROM public.srv_message_devices WHERE user_id = $1
             ORDER BY registered_at DESC, device_id OFFSET $2
           )`,
          [user, mostDevices],
        )
      }),
    devices: (user) =>
      transaction(user, async (inside) => {
        const rows = await inside(
          'message-devices',
          `SELECT device_id, platform, language, registered_at FROM public.srv_message_devices
           WHERE user_id = $1 ORDER BY device_id`,
          [user],
        )
        return z
          .array(deviceRow)
          .parse(rows)
          .map((row) => ({ ...row, registered_at: row.registered_at.toISOString() }))
      }),
    deleteDevice: (user, id) =>
      transaction(user, async (inside) => {
        await inside(
          'message-device-delete',
          'DELETE FROM public.srv_message_devices WHERE user_id = $1 AND device_id = $2',
          [user, id],
        )
      }),
    ask: (user, check, enqueue) =>
      transaction(user, async (inside) => {
        await inside('message-user', 'INSERT INTO public.srv_users (user_id) VALUES ($1) ON CONFLICT DO NOTHING', [
          user,
        ])
        // Two requests at once are counted one after the other.
        await inside('message-user-lock', 'SELECT FROM public.srv_users WHERE user_id = $1 FOR NO KEY UPDATE', [user])
        const rows = await inside(
          'message-codes',
          `SELECT count(*) AS count, min(created_at) AS oldest FROM (
             SELECT created_at FROM public.srv_messages
             WHERE user_id = $1 AND type = 'mfa_code' AND created_at > $2 ORDER BY created_at DESC LIMIT $3
           ) AS m`,
          [user, new Date(check.now.getTime() - dayMs), mostCodes],
        )
        const [{ count, oldest }] = z
          .tuple([z.object({ count: z.coerce.number(), oldest: z.date().nullable() })])
          .parse(rows)
        if (oldest !== null && count >= mostCodes) return new Date(oldest.getTime() + dayMs)
        await inside(
          'message-check',
          `INSERT INTO public.srv_message_phone_checks
             (user_id, sealed_number, number_hash, language, code_hash, tries_left, asked_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (user_id) DO UPDATE SET
             sealed_number = $2, number_hash = $3, language = $4, code_hash = $5, tries_left = $6, asked_at = $7, expires_at = $8`,
          [user, check.sealed, check.hash, check.language, check.code, codeTries, check.now, check.expires],
        )
        await enqueue(inside)
        return undefined
      }),
    try: (user, now) =>
      transaction(user, async (inside) => {
        const rows = await inside(
          'message-try',
          `UPDATE public.srv_message_phone_checks SET tries_left = tries_left - 1
           WHERE user_id = $1 AND tries_left > 0 AND expires_at > $2
           RETURNING code_hash, sealed_number, number_hash, language`,
          [user, now],
        )
        const row = z.array(tryRow).parse(rows)[0]
        if (row === undefined) return undefined
        return {
          code: row.code_hash,
          number: { sealed: row.sealed_number, hash: row.number_hash, language: row.language },
        }
      }),
    confirm: (user, number, now) =>
      transaction(user, async (inside) => {
        // Used up by whoever comes first; a number that was asked for meanwhile waits for its own code.
        await inside(
          'message-check-done',
          'DELETE FROM public.srv_message_phone_checks WHERE user_id = $1 AND sealed_number = $2',
          [user, number.sealed],
        )
        await inside(
          'message-phone',
          `INSERT INTO public.srv_message_phones (user_id, sealed_number, number_hash, language, confirmed_at)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (user_id) DO UPDATE SET sealed_number = $2, number_hash = $3, language = $4, confirmed_at = $5`,
          [user, number.sealed, number.hash, number.language, now],
        )
      }),
    confirmedAt: (user) =>
      transaction(user, async (inside) => {
        const rows = await inside(
          'message-phone-state',
          'SELECT confirmed_at FROM public.srv_message_phones WHERE user_id = $1',
          [user],
        )
        return z.array(z.object({ confirmed_at: z.date() })).parse(rows)[0]?.confirmed_at
      }),
    forgetPhone: (user) =>
      transaction(user, async (inside) => {
        await inside('message-phone-delete', 'DELETE FROM public.srv_message_phones WHERE user_id = $1', [user])
        await inside('message-check-delete', 'DELETE FROM public.srv_message_phone_checks WHERE user_id = $1', [user])
      }),
    noteReceipt: async ({ digest, message, providerId, status, errorCode, now }) => {
      const rows = await run('message-receipt', 'SELECT public.srv_note_receipt($1,$2,$3,$4,$5,$6) AS outcome', [
        digest,
        message,
        providerId,
        status,
        errorCode ?? null,
        now,
      ])
      return receiptRow.parse(rows)[0].outcome
    },
    noteWish: async ({ hash, wish, digest, now }) => {
      const rows = await run('message-wish', 'SELECT public.srv_note_wish($1,$2,$3,$4) AS noted', [
        hash,
        wish,
        digest,
        now,
      ])
      return z.tuple([z.object({ noted: z.boolean() })]).parse(rows)[0].noted
    },
  }
}
