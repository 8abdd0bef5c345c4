import { z } from 'zod'
import { languages, medicineSchema } from '../../../client/catalog/medicine.ts'
import { packedSchema } from '../../../client/catalog/packed.ts'
import { queryLimit } from '../../../client/catalog/query.ts'

/** Medicines of one answer. */
export const resultLimit = 50
const defaultResults = 10

const language = z.enum(languages)
const version = z.int().min(0).describe('Of the catalog; a higher one is later.')

export const searchQuery = z.strictObject({
  q: z
    .string()
    .min(1)
    .max(queryLimit)
    .describe('What was typed: a name or its beginning, with or without strength and form.'),
  lang: language.default('es'),
  limit: z
    .string()
    .regex(/^\d{1,2}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(resultLimit))
    .default(defaultResults),
})

export const medicinePath = z.strictObject({ id: z.string().regex(/^[0-9a-f]{16}$/) })

export const downloadQuery = z.strictObject({
  since: z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .describe('The version the device has: only what changed after it is told, as far as that is known.')
    .optional(),
})

export const searchAnswer = z.object({
  version,
  results: z.array(
    z.object({
      id: z.string(),
      name: z.string().describe('In the language that was asked for, or the nearest there is.'),
      matched: z.string().describe('The name it was found by: perhaps a brand, or a name in another language.'),
      ingredients: z.array(z.string()),
      atc: z.array(z.string()),
      forms: z.array(z.object({ code: z.string(), name: z.string() })),
      strengths: z.array(z.string()).describe('Those that were asked for first; at most 20.'),
    }),
  ),
})

export const medicineAnswer = z.object({ version, medicine: medicineSchema })

export const downloadAnswer = z.object({
  version,
  since: z.int().nullable().describe('The version this is the difference to; null when it is the whole catalog.'),
  digest: z.string().describe('SHA-256 of the whole catalog at this version.'),
  medicines: z.array(packedSchema).describe('New ones and changed ones, each in place of what had its id.'),
  removed: z.array(z.string()).describe('Ids of what is no longer there.'),
  lists: z.array(z.object({ list: z.string(), code: z.string(), name: z.string() })),
})

export type SearchAnswer = z.output<typeof searchAnswer>
export type MedicineAnswer = z.output<typeof medicineAnswer>
export type DownloadAnswer = z.output<typeof downloadAnswer>
