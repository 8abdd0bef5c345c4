import { z } from 'zod'
import type { FormCode } from '../../client/catalog/form.ts'
import { type AliasKind, aliasKinds, type Language, languages } from '../../client/catalog/medicine.ts'

/** What one line of a source tells of a medicine. */
export interface Told {
  /** Substances, each as the source names it. */
  ingredients: string[]
  language: Language
  aliases?: readonly (readonly [AliasKind, string])[]
  /** What it is called in other languages. */
  names?: Partial<Record<Language, string>>
  atc?: readonly string[]
  forms?: readonly FormCode[]
  strengths?: readonly string[]
  rxnorm?: string
  ema?: string
  sat?: string
}

/** A line of a source: what it tells, or why it is left out. Reasons are ours and never quote the line. */
export type SourceLine = { line: number } & ({ told: Told } | { rejected: string })

const texts = z.array(z.string())

/** All that a source tells of one medicine; every list in order and without repetitions, so that equal facts are equal text. */
export const factsSchema = z.object({
  ingredients: texts,
  names: z.partialRecord(z.enum(languages), z.string()),
  aliases: z.array(z.tuple([z.enum(aliasKinds), z.string()])),
  atc: texts,
  forms: texts,
  strengths: texts,
  rxnorm: texts,
  ema: texts,
  sat: texts,
})
export type Facts = z.infer<typeof factsSchema>

const lists = ['atc', 'forms', 'strengths', 'rxnorm', 'ema', 'sat'] as const
/** Of names, strengths and codes one medicine keeps so many; a row of the catalog must stay small enough for a phone. */
const listLimit = 200

/** Collects what lines tell, medicine by medicine. Memory follows the number of medicines, not of lines. */
export class FactsCollector {
  readonly #found = new Map<string, Collected>()

  add(key: string, told: Told): void {
    const known = this.#found.get(key) ?? collected(told)
    this.#found.set(key, known)
    for (const [language, name] of Object.entries(namesOf(told)))
      known.names.set(language, known.names.get(language) ?? name)
    for (const [kind, text] of told.aliases ?? []) known.aliases.set(`${kind} ${text}`, [kind, text])
    for (const list of lists) {
      const value = told[list]
      for (const each of typeof value === 'string' ? [value] : (value ?? [])) known[list].add(each)
    }
  }

  /** By key, in the order of keys. */
  facts(): Map<string, Facts> {
    return new Map(
      [...this.#found]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([key, { ingredients, names, aliases, ...rest }]) => [
          key,
          factsSchema.parse({
            ingredients,
            names: Object.fromEntries([...names].sort()),
            aliases: [...aliases.values()].sort(compareAliases).slice(0, listLimit),
            ...Object.fromEntries(
              lists.map((list) => [list, [...rest[list]].sort(compareNatural).slice(0, listLimit)]),
            ),
          }),
        ]),
    )
  }
}

type Collected = Record<(typeof lists)[number], Set<string>> & {
  ingredients: string[]
  names: Map<string, string>
  aliases: Map<string, readonly [AliasKind, string]>
}

function collected({ ingredients }: Told): Collected {
  return {
    ingredients,
    names: new Map(),
    aliases: new Map(),
    atc: new Set(),
    forms: new Set(),
    strengths: new Set(),
    rxnorm: new Set(),
    ema: new Set(),
    sat: new Set(),
  }
}

function namesOf({ ingredients, language, names = {} }: Told): Partial<Record<Language, string>> {
  return { [language]: ingredients.join(' + '), ...names }
}

function compareAliases(
  [kind, text]: readonly [string, string],
  [otherKind, otherText]: readonly [string, string],
): number {
  return kind === otherKind ? (text < otherText ? -1 : 1) : kind < otherKind ? -1 : 1
}

const collator = new Intl.Collator('en', { numeric: true })
/** 5 mg before 10 mg. */
export function compareNatural(one: string, other: string): number {
  return collator.compare(one, other) || (one < other ? -1 : 1)
}
