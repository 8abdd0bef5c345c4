import { z } from 'zod'
import { phoneNumber } from './phone-number.ts'

/*
 * What may be said to whom. A message has a type, and each type takes its own few fields: a code of digits, or the random id of a
 * link. There is no field that could hold a name, a medicine or any other words (TECH-INF-001 §2.3, §2.4): the types say so to whoever
 * writes the code, the schemas to whatever comes at run time.
 */

export const language = z.enum(['es', 'en'])
export type Language = z.output<typeof language>

/** Six digits and nothing else. */
export const numericCode = z
  .string()
  .regex(/^\d{6}$/)
  .brand<'NumericCode'>()
export type NumericCode = z.output<typeof numericCode>

/** The random id that a link ends with. What stands behind it, only the app can ask, with a token. */
export const linkId = z
  .uuidv4()
  .regex(/^[0-9a-f-]+$/)
  .brand<'LinkId'>()

const user = z.guid().transform((id) => id.toLowerCase())
const device = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
/** Random as well: whoever knows the name of a topic can listen to it. */
const topic = z.uuidv4().regex(/^[0-9a-f-]+$/)
/** Names what happened: the same event makes one message, however often it is told. */
const event = z.string().regex(/^[A-Za-z0-9:_.-]{1,128}$/)

const pushTo = z.union([
  /** Every device of the user, each in its own language. */
  z.strictObject({ user }),
  z.strictObject({ user, device }),
  z.strictObject({ user, topic, language }),
])
const smsTo = z.union([
  /** The number the user has confirmed. */
  z.strictObject({ user }),
  z.strictObject({ user, phone: phoneNumber, language }),
])

const linked = z.strictObject({ link: linkId })
const push = <Type extends string>(type: Type) =>
  z.strictObject({ type: z.literal(type), event, to: pushTo, fields: linked })

export const message = z.discriminatedUnion('type', [
  push('alert_backup'),
  push('emergency_notification'),
  push('caregiver_notification'),
  z.strictObject({
    type: z.literal('mfa_code'),
    event,
    to: smsTo,
    fields: z.strictObject({ code: numericCode }),
  }),
  z.strictObject({
    type: z.literal('emergency_alert'),
    event,
    to: smsTo,
    /** Of whoever raised the alarm: it is part of these tiers alone. */
    tier: z.enum(['pro', 'perfect']),
    fields: linked,
  }),
  z.strictObject({ type: z.literal('caregiver_reminder'), event, to: smsTo, fields: linked }),
])

/** A message as `enqueue` takes it. */
export type Message = z.output<typeof message>
export type MessageType = Message['type']

export interface Kind {
  channel: 'push' | 'sms'
  /** After this long nobody needs it any more, and it is not sent. */
  lifetimeMs: number
  /**
   * What follows when nobody knows whether the provider took it: a push replaces its own double on the screen, and an alarm is better
   * heard twice than never; a code or a reminder is not worth a second SMS.
   */
  inDoubt: 'send-again' | 'leave'
}

const minute = 60_000

export const kinds: Readonly<Record<MessageType, Kind>> = {
  alert_backup: { channel: 'push', lifetimeMs: 30 * minute, inDoubt: 'send-again' },
  emergency_notification: { channel: 'push', lifetimeMs: 60 * minute, inDoubt: 'send-again' },
  caregiver_notification: { channel: 'push', lifetimeMs: 60 * minute, inDoubt: 'send-again' },
  mfa_code: { channel: 'sms', lifetimeMs: 5 * minute, inDoubt: 'leave' },
  emergency_alert: { channel: 'sms', lifetimeMs: 60 * minute, inDoubt: 'send-again' },
  caregiver_reminder: { channel: 'sms', lifetimeMs: 60 * minute, inDoubt: 'leave' },
}
