import { z } from 'zod'

/** Languages that every medicine of the starter catalog is named in. */
export const languages = ['es', 'en', 'pt'] as const
export type Language = (typeof languages)[number]

/** `name` is what a substance is called officially, `synonym` what else, `brand` what a maker sells it as. */
export const aliasKinds = ['name', 'synonym', 'brand'] as const
export type AliasKind = (typeof aliasKinds)[number]

const short = z.string().min(1).max(300)

/** A medicine of the catalog: one substance, or one combination of substances, with whatever it is called and sold as. */
export const medicineSchema = z.object({
  /** Opaque and stable: it stays the same when other sources join. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  names: z.partialRecord(z.enum(languages), short),
  ingredients: z.array(short).min(1),
  /** Codes of the WHO's classification, as deep as the source gives them. */
  atc: z.array(z.string().regex(/^[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?$/)),
  aliases: z.array(z.tuple([z.enum(aliasKinds), short])),
  /** Codes of `formNames`. */
  forms: z.array(z.string()),
  /** Such as `50 mg`, `250 mg/5 ml`, `12.5 mg + 50 mg`. */
  strengths: z.array(z.string()),
  /** Concepts of RxNorm, product numbers of the EMA, keys of Mexico's lists. */
  codes: z.object({ rxnorm: z.array(z.string()), ema: z.array(z.string()), sat: z.array(z.string()) }),
  sources: z.array(z.string()).min(1),
  /** Lower is offered first: 0 for what the starter catalog holds. */
  rank: z.int().min(0),
})
export type Medicine = z.infer<typeof medicineSchema>

/** What a medicine is called in a language, or else in the nearest there is. */
export function nameIn({ names, ingredients }: Medicine, language: Language): string {
  return names[language] ?? names.en ?? names.es ?? names.pt ?? ingredients.join(' + ')
}
