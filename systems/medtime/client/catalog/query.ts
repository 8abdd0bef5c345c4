import { type FormCode, formOfWord } from './form.ts'
import { normalise, wordsOf } from './normalise.ts'
import { significantWords } from './salt.ts'
import { type StrengthWanted, unitOf } from './strength.ts'

/** What somebody typed, taken apart: `Losartán potásico 50 mg tabletas`. */
export interface Query {
  /** The name as typed, normalised: `losartan potasico`. Empty when nothing was typed that a name could hold. */
  text: string
  /** The words a medicine is recognised by: `losartan`. */
  words: readonly string[]
  strengths: readonly StrengthWanted[]
  form: FormCode | undefined
}

/** Longest text that is looked for; the rest cannot make it clearer. */
export const queryLimit = 100

export function parseQuery(typed: string): Query {
  const all = wordsOf(normalise(typed.slice(0, queryLimit)))
  const strengths: StrengthWanted[] = []
  const names: string[] = []
  let form: FormCode | undefined
  for (const [index, word] of all.entries()) {
    const amount = /^(\d+(?:\.\d+)?)([a-z]*)$/.exec(word)
    const unit = amount?.[2] === '' ? undefined : unitOf(amount?.[2] ?? '')
    if (amount?.[1] !== undefined && (amount[2] === '' || unit !== undefined)) {
      strengths.push({ value: Number(amount[1]), unit: unit ?? unitOf(all[index + 1] ?? '') })
      continue
    }
    const follows = /^\d+(\.\d+)?$/.test(all[index - 1] ?? '')
    if (follows && unitOf(word) !== undefined) continue
    const told = index === 0 ? undefined : formOfWord(word)
    if (told === undefined) names.push(word)
    else form ??= told
  }
  // Nothing but numbers: they are the name, as far as there is one.
  if (names.length === 0) return { text: all.join(' '), words: significantWords(all), strengths: [], form: undefined }
  return { text: names.join(' '), words: significantWords(names), strengths, form }
}
