import {
  type AliasKind,
  type Language,
  languages,
  type Medicine,
  medicineSchema,
} from '../../client/catalog/medicine.ts'
import { normalise } from '../../client/catalog/normalise.ts'
import { compareNatural, type Facts } from './facts.ts'
import { medicineId } from './identity.ts'
import { type MedicineSource, medicineSources } from './source.ts'

/** What sources tell, by source and key. */
export type Records = ReadonlyMap<MedicineSource, ReadonlyMap<string, Facts>>

/** The catalog as all sources together tell it, in the order of ids. Where they differ on a name the earlier source is believed. */
export function mergeRecords(records: Records): Medicine[] {
  const keys = new Set(medicineSources.flatMap((source) => [...(records.get(source)?.keys() ?? [])]))
  return [...keys]
    .map((key) => {
      const told = medicineSources.flatMap((source) => {
        const facts = records.get(source)?.get(key)
        return facts === undefined ? [] : [{ source, facts }]
      })
      return mergeOne(key, told)
    })
    .sort((one, other) => (one.id < other.id ? -1 : 1))
}

function mergeOne(key: string, told: readonly { source: MedicineSource; facts: Facts }[]): Medicine {
  const all = told.map(({ facts }) => facts)
  const names: Partial<Record<Language, string>> = {}
  for (const language of languages) {
    const name = all.map((facts) => facts.names[language]).find((each) => each !== undefined && each !== '')
    if (name !== undefined) names[language] = name
  }
  const said = new Set(Object.values(names).map(normalise))
  const aliases: [AliasKind, string][] = []
  const others = all.flatMap((facts) => Object.values(facts.names).map((text): [AliasKind, string] => ['name', text]))
  for (const [kind, text] of [...others, ...all.flatMap((facts) => facts.aliases)]) {
    const term = normalise(text)
    if (term === '' || said.has(term)) continue
    said.add(term)
    aliases.push([kind, text])
  }
  const union = (list: 'atc' | 'forms' | 'strengths' | 'rxnorm' | 'ema' | 'sat') =>
    [...new Set(all.flatMap((facts) => facts[list]))].sort(compareNatural)
  const ingredients = all[0]?.ingredients ?? [key]
  const common = told.some(({ source }) => source === 'starter') ? 0 : told.length > 1 ? 2 : 4
  return medicineSchema.parse({
    id: medicineId(key),
    names,
    ingredients,
    atc: union('atc'),
    aliases,
    forms: union('forms'),
    strengths: union('strengths'),
    codes: { rxnorm: union('rxnorm'), ema: union('ema'), sat: union('sat') },
    sources: told.map(({ source }) => source),
    rank: common + (ingredients.length > 1 ? 1 : 0),
  })
}
