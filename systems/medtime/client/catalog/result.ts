import { type FormCode, formNames } from './form.ts'
import { type Language, type Medicine, nameIn } from './medicine.ts'
import { parseQuery } from './query.ts'
import type { Hit } from './rank.ts'
import { hasStrength } from './strength.ts'

/** A medicine as an answer to a search shows it. */
export interface SearchResult {
  id: string
  /** In the language that was asked for, or the nearest there is. */
  name: string
  /** The name it was found by, as it is written: a brand, or a name in another language. */
  matched: string
  ingredients: string[]
  atc: string[]
  forms: { code: string; name: string }[]
  /** Those that were asked for first. */
  strengths: string[]
}

/** Strengths shown of one medicine; all of them stand in its details. */
const strengthsShown = 20

/** Puts what was found in the words of a language. */
export function tellResults(
  typed: string,
  found: readonly { hit: Hit; medicine: Medicine }[],
  language: Language,
): SearchResult[] {
  const { strengths: wanted } = parseQuery(typed)
  return found.map(({ hit, medicine }) => {
    const fits = (strength: string) => wanted.length > 0 && hasStrength(strength, wanted)
    const first = medicine.strengths.filter(fits)
    const others = medicine.strengths.filter((strength) => !fits(strength))
    return {
      id: medicine.id,
      name: nameIn(medicine, language),
      matched: hit.shown,
      ingredients: medicine.ingredients,
      atc: medicine.atc,
      forms: medicine.forms.map((code) => ({ code, name: formName(code, language) })),
      strengths: [...first, ...others].slice(0, strengthsShown),
    }
  })
}

function formName(code: string, language: Language): string {
  return isForm(code) ? formNames[code][language] : code
}

function isForm(code: string): code is FormCode {
  return Object.hasOwn(formNames, code)
}
