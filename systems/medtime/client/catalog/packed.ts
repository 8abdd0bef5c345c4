import { z } from 'zod'
import { languages, type Medicine, medicineSchema } from './medicine.ts'

const texts = z.array(z.string())

/** A medicine as it travels: values in a fixed order without the names of members, about half the size to read. */
export const packedSchema = z.tuple([
  z.string(),
  z.array(z.string()).length(languages.length).describe('Names in Spanish, English, Portuguese; empty for none.'),
  texts,
  texts,
  z.array(z.tuple([z.string(), z.string()])),
  texts,
  texts,
  z.tuple([texts, texts, texts]),
  texts,
  z.int(),
])
export type Packed = z.infer<typeof packedSchema>

export function pack(medicine: Medicine): Packed {
  const { id, names, ingredients, atc, aliases, forms, strengths, codes, sources, rank } = medicine
  return [
    id,
    languages.map((language) => names[language] ?? ''),
    ingredients,
    atc,
    aliases,
    forms,
    strengths,
    [codes.rxnorm, codes.ema, codes.sat],
    sources,
    rank,
  ]
}

/** @throws ZodError when it is no medicine */
export function unpack(packed: Packed): Medicine {
  const [id, named, ingredients, atc, aliases, forms, strengths, [rxnorm, ema, sat], sources, rank] = packed
  const names = Object.fromEntries(
    languages.flatMap((language, index) => {
      const name = named[index] ?? ''
      return name === '' ? [] : [[language, name]]
    }),
  )
  const codes = { rxnorm, ema, sat }
  return medicineSchema.parse({ id, names, ingredients, atc, aliases, forms, strengths, codes, sources, rank })
}
