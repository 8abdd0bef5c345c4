import { z } from 'zod'

/** A telephone number as E.164 writes it: `+525512345678`. */
export const phoneNumber = z
  .string()
  .regex(/^\+[1-9]\d{7,14}$/)
  .brand<'PhoneNumber'>()

export type PhoneNumber = z.output<typeof phoneNumber>
