import { z } from 'zod'
import { linkId, numericCode } from './message.ts'
import { phoneNumber } from './phone-number.ts'

/** What of a message is sealed while it waits: its fields, and the number where it goes to one that is not on file. */
export const content = z.strictObject({
  fields: z.union([z.strictObject({ link: linkId }), z.strictObject({ code: numericCode })]),
  phone: phoneNumber.optional(),
})
export type Content = z.output<typeof content>

/** Where sealed things stand: what is moved to another row does not open there. */
export const contentPlace = (message: string) => `message ${message}`
export const tokenPlace = (user: string, device: string) => `device ${user} ${device}`
export const phonePlace = (user: string) => `phone ${user}`
