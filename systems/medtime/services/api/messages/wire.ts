import { z } from 'zod'
import { language } from './message.ts'

const deviceId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)

export const devicePath = z.strictObject({ id: deviceId })
export const deviceRequest = z.strictObject({
  platform: z.enum(['ios', 'android']),
  language: language.describe('In which messages to this device are written.'),
  token: z
    .string()
    .regex(/^[A-Za-z0-9_:-]{20,4096}$/)
    .describe('What Firebase gave the app on this device. Told again whenever it changes.'),
})
export const devicesAnswer = z.object({
  devices: z.array(
    z.object({
      device_id: deviceId,
      platform: z.enum(['ios', 'android']),
      language,
      registered_at: z.iso.datetime(),
    }),
  ),
})

export const phoneRequest = z.strictObject({
  number: z
    .string()
    .regex(/^\+[1-9]\d{7,14}$/)
    .describe('As E.164 writes it, such as +525512345678.'),
  language: language.describe('In which SMS to this number are written.'),
})
export const phoneAskedAnswer = z.object({ expires_at: z.iso.datetime().describe('The code is valid until then.') })
export const confirmRequest = z.strictObject({ code: z.string().regex(/^\d{6}$/) })
export const phoneAnswer = z.object({
  confirmed_at: z.iso.datetime().nullable().describe('Null without a number. The number itself is not told.'),
})

export const nothing = z.object({})

export const statusQuery = z.strictObject({ message: z.guid() })

/** What of a receipt is read; Twilio sends more, and adds to it at times. */
export const receiptForm = z.object({
  MessageSid: z.string().regex(/^(SM|MM)[0-9a-f]{32}$/),
  MessageStatus: z.string().max(40),
  ErrorCode: z
    .string()
    .regex(/^\d{1,6}$/)
    .optional(),
})

/** What of a message that came in is read. `OptOutType` is there when Twilio itself knew the word. */
export const inboundForm = z.object({
  MessageSid: z.string().regex(/^(SM|MM)[0-9a-f]{32}$/),
  From: z.string().regex(/^\+[1-9]\d{7,14}$/),
  Body: z.string().max(1_600),
  OptOutType: z.string().optional(),
})

export type DeviceRequest = z.output<typeof deviceRequest>
export type PhoneRequest = z.output<typeof phoneRequest>
export type DevicesAnswer = z.output<typeof devicesAnswer>
