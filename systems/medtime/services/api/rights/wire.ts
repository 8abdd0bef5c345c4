import { z } from 'zod'
import { type ConsentTextId, consentTexts } from './consent-texts.ts'

const ids: Record<ConsentTextId, ConsentTextId> = {
  'terms-1': 'terms-1',
  'privacy-1': 'privacy-1',
  'ocr-server-1': 'ocr-server-1',
  'sms-1': 'sms-1',
}
const textId = z.enum(ids).describe('The very text that was shown; another wording has another number.')
const time = z.iso.datetime()

export const textParams = z.object({ text: textId })
export const consentRequest = z.strictObject({ text_id: textId })
export const consentsAnswer = z.object({
  consents: z.array(
    z.object({
      text_id: z.string(),
      given_at: time,
      withdrawn_at: time.nullable().describe('Null while it stands.'),
    }),
  ),
})
export const textsAnswer = z.object({
  texts: z.array(z.object({ text_id: textId, es: z.string(), en: z.string() })),
})
export const erasureQuery = z.object({
  confirm: z.guid().describe("The user's own id: nobody erases an account by a slip."),
})
export const erasureAnswer = z.object({
  erased: z.boolean().describe('False when there was nothing.'),
  backups_expire_at: time.describe('From then on no backup holds anything of the user. A restore before erases again.'),
})

export const texts: z.output<typeof textsAnswer> = {
  texts: Object.values(ids).map((id) => ({ text_id: id, ...consentTexts[id] })),
}
export type Consents = z.output<typeof consentsAnswer>['consents']
