import { type FormCode, formOf } from '../../../client/catalog/form.ts'
import { unitOf, writeStrength } from '../../../client/catalog/strength.ts'

/** What the name of a drug of RxNorm says. */
export interface DrugName {
  ingredients: string[]
  /** Undefined where a part has none, or one that is not understood. */
  strength: string | undefined
  form: FormCode | undefined
  brand: string | undefined
}

const quantity = /^\d[\d.]*\s(?:ML|HR|ACTUAT|UNT|MG|G)\s/
const component = /^(.+?)\s(\d[\d.,]*)\s([A-Z%]+(?:\/[A-Z]+)?)(?:\s(.*))?$/

/**
 * Takes a name of RxNorm apart, such as `24 HR metformin hydrochloride 500 MG / sitagliptin 50 MG Extended Release Oral Tablet
 * [Janumet]`, which follows fixed rules.
 * @returns undefined when the name does not follow them
 */
export function parseDrugName(name: string): DrugName | undefined {
  const brand = /\[([^\]]+)\]$/.exec(name)?.[1]
  const bare = name.replace(/\s*\[[^\]]+\]$/, '').replace(quantity, '')
  const ingredients: string[] = []
  const strengths: (string | undefined)[] = []
  let form = ''
  for (const part of bare.split(' / ')) {
    const [, substance, number = '', unit = '', rest] = component.exec(part) ?? []
    if (substance === undefined || unitOf(unit.split('/')[0] ?? '') === undefined) return undefined
    ingredients.push(substance)
    strengths.push(writeStrength(`${number} ${unit}`))
    form = rest ?? form
  }
  const whole = strengths.every((each) => each !== undefined)
  return { ingredients, strength: whole ? strengths.join(' + ') : undefined, form: formOf(form), brand }
}
