import { z } from 'zod'
import { type Language, linkId, type Message, type MessageType, numericCode } from './message.ts'

/**
 * Where links of messages lead: an https address of our own, such as `https://medtime.app/m`. Short, so that an SMS stays one.
 */
export const linkOrigin = z
  .url({ protocol: /^https$/ })
  .max(60)
  .refine((text) => !/[?#@\s]/.test(text) && !text.endsWith('/'))
  .brand<'LinkOrigin'>()
export type LinkOrigin = z.output<typeof linkOrigin>

/** What a template of each type takes. */
export type FieldsOf<Type extends MessageType> = Extract<Message, { type: Type }>['fields']

const linked = z.strictObject({ link: linkId })
const fields = {
  alert_backup: linked,
  emergency_notification: linked,
  caregiver_notification: linked,
  mfa_code: z.strictObject({ code: numericCode }),
  emergency_alert: linked,
  caregiver_reminder: linked,
} as const

export interface Rendered {
  /** Heading of a push message; an SMS has none. */
  title: string
  body: string
  /** What the app opens. */
  link: string | undefined
}

/**
 * All a message may say. `{code}` and `{link}` are the only places anything else can come to; letters are those of the GSM alphabet, which
 * lacks á, í, ó and ú: with one of them an SMS would hold 70 characters in place of 160.
 */
const texts: Readonly<Record<MessageType, Readonly<Record<Language, { title: string; body: string }>>>> = {
  alert_backup: {
    es: { title: 'MedTime', body: 'Tiene un aviso pendiente. Abra la app para verlo.' },
    en: { title: 'MedTime', body: 'You have a reminder. Open the app to see it.' },
  },
  emergency_notification: {
    es: { title: 'MedTime: ALERTA', body: 'Una persona que usted cuida pide ayuda. Abra la app.' },
    en: { title: 'MedTime: ALERT', body: 'Somebody in your care asks for help. Open the app.' },
  },
  caregiver_notification: {
    es: { title: 'MedTime', body: 'Hay novedades de una persona que usted cuida. Abra la app.' },
    en: { title: 'MedTime', body: 'There is news of somebody in your care. Open the app.' },
  },
  mfa_code: {
    es: { title: '', body: 'MedTime: su clave es {code}. Vence en 5 minutos. No la comparta con nadie.' },
    en: { title: '', body: 'MedTime: your code is {code}. It expires in 5 minutes. Do not share it with anybody.' },
  },
  emergency_alert: {
    es: { title: '', body: 'MedTime: ALERTA. Una persona que usted cuida pide ayuda. Vea los detalles: {link}' },
    en: { title: '', body: 'MedTime: ALERT. Somebody in your care asks for help. See the details: {link}' },
  },
  caregiver_reminder: {
    es: { title: '', body: 'MedTime: una persona que usted cuida no ha respondido a un aviso. Detalles: {link}' },
    en: { title: '', body: 'MedTime: somebody in your care has not answered a reminder. Details: {link}' },
  },
}

/**
 * The words of a message.
 * @throws ZodError when a field is anything but what the template takes; its text is not to be shown, since it may name the field's value.
 */
export function render<Type extends MessageType>(
  type: Type,
  language: Language,
  given: FieldsOf<Type>,
  origin: LinkOrigin,
): Rendered {
  return renderContent(type, language, given, origin)
}

/** The same for fields of which only the message that they were sealed in says which they are. */
export function renderContent(type: MessageType, language: Language, given: unknown, origin: LinkOrigin): Rendered {
  const values: { code?: string; link?: string } = fields[type].parse(given)
  const link = values.link === undefined ? undefined : `${linkOrigin.parse(origin)}/${values.link}`
  const { title, body } = texts[type][language]
  return { title, body: body.replace('{code}', values.code ?? '').replace('{link}', link ?? ''), link }
}
