import { z } from 'zod'
import type { Run } from '../api/database.ts'
import { type Language, language } from '../api/messages/message.ts'
import { type PhoneNumber, phoneNumber } from '../api/messages/phone-number.ts'
import { phonePlace, tokenPlace } from '../api/messages/sealed-content.ts'
import type { Vault } from '../api/messages/vault.ts'

/** Where messages go, as the database knows it. */
export interface Recipients {
  devices(user: string): Promise<string[]>
  /** Undefined when the device is gone, or the phone went over to another user. */
  device(
    user: string,
    id: string,
  ): Promise<{ token: string; platform: 'ios' | 'android'; language: Language } | undefined>
  forget(user: string, id: string): Promise<void>
  phone(user: string): Promise<{ number: PhoneNumber; language: Language } | undefined>
  /** Whether the last word of whoever holds the number was that no messages are wanted. */
  stopped(number: PhoneNumber): Promise<boolean>
  stop(number: PhoneNumber, now: Date): Promise<void>
}

const deviceRow = z.object({ sealed_token: z.instanceof(Buffer), platform: z.enum(['ios', 'android']), language })
const phoneRow = z.object({ sealed_number: z.instanceof(Buffer), language })

/** A push token belongs to an app on a phone, not to a person: of those it was registered for, the last one has it. */
const stillTheirs = `NOT EXISTS (
  SELECT FROM public.srv_message_devices AS o
  WHERE o.token_hash = d.token_hash AND o.user_id <> d.user_id AND o.registered_at > d.registered_at
)`

export function openRecipients(run: Run, vault: Vault): Recipients {
  return {
    devices: async (user) => {
      const rows = await run(
        'devices',
        `SELECT device_id FROM public.srv_message_devices AS d WHERE d.user_id = $1 AND ${stillTheirs} ORDER BY device_id`,
        [user],
      )
      return z
        .array(z.object({ device_id: z.string() }))
        .parse(rows)
        .map(({ device_id }) => device_id)
    },
    device: async (user, id) => {
      const rows = await run(
        'device',
        `SELECT sealed_token, platform, language FROM public.srv_message_devices AS d
         WHERE d.user_id = $1 AND d.device_id = $2 AND ${stillTheirs}`,
        [user, id],
      )
      const row = z.array(deviceRow).parse(rows)[0]
      if (row === undefined) return undefined
      return {
        token: vault.open(row.sealed_token, tokenPlace(user, id)),
        platform: row.platform,
        language: row.language,
      }
    },
    forget: async (user, id) => {
      await run('forget-device', 'DELETE FROM public.srv_message_devices WHERE user_id = $1 AND device_id = $2', [
        user,
        id,
      ])
    },
    phone: async (user) => {
      const rows = await run(
        'phone',
        'SELECT sealed_number, language FROM public.srv_message_phones WHERE user_id = $1',
        [user],
      )
      const row = z.array(phoneRow).parse(rows)[0]
      if (row === undefined) return undefined
      return { number: phoneNumber.parse(vault.open(row.sealed_number, phonePlace(user))), language: row.language }
    },
    stopped: async (number) => {
      const rows = await run(
        'wish',
        'SELECT wish FROM public.srv_message_wishes WHERE number_hash = $1 ORDER BY id DESC LIMIT 1',
        [vault.hash(number)],
      )
      return z.array(z.object({ wish: z.string() })).parse(rows)[0]?.wish === 'stop'
    },
    stop: async (number, now) => {
      await run(
        'stop-number',
        `INSERT INTO public.srv_message_wishes (number_hash, wish, told_at) VALUES ($1, 'stop', $2)`,
        [vault.hash(number), now],
      )
    },
  }
}
