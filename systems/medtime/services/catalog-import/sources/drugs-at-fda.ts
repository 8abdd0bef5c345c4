import { formOf } from '../../../client/catalog/form.ts'
import { normalise } from '../../../client/catalog/normalise.ts'
import { writeStrength } from '../../../client/catalog/strength.ts'
import type { SourceLine } from '../facts.ts'
import { readTable } from '../table.ts'
import type { Encoding } from '../text-file.ts'
import { asName, ingredientsOf } from './words.ts'

const columns = ['ApplNo', 'ProductNo', 'Form', 'Strength', 'DrugName', 'ActiveIngredient'] as const

/** The products of Drugs@FDA, one line a product of an application. */
export async function* readDrugsAtFda(path: string, encoding: Encoding): AsyncGenerator<SourceLine> {
  for await (const { line, cell } of readTable({ path, encoding, columns, named: true })) {
    // TRIPLE SULFA (SULFABENZAMIDE;SULFACETAMIDE;SULFATHIAZOLE)
    const inside = /\(([^()]*;[^()]*)\)$/.exec(cell('ActiveIngredient'))?.[1]
    const ingredients = ingredientsOf(inside ?? cell('ActiveIngredient'), /;/)
    const form = formOf(cell('Form'))
    const strength = writeStrength(cell('Strength'))
    const drug = cell('DrugName')
    if (!/^\d+$/.test(cell('ApplNo'))) yield { line, rejected: 'no application number' }
    else if (ingredients === undefined) yield { line, rejected: 'no substance' }
    else if (drug.length > 200) yield { line, rejected: 'name too long' }
    else {
      const sameName = normalise(drug) === normalise(ingredients.join(' '))
      yield {
        line,
        told: {
          ingredients: ingredients.map(asName),
          language: 'en',
          aliases: drug === '' || sameName ? [] : [['brand', titled(drug)]],
          forms: form === undefined ? [] : [form],
          strengths: strength === undefined ? [] : [strength],
        },
      }
    }
  }
}

/** `TYLENOL W/ CODEINE` as `Tylenol W/ Codeine`. */
function titled(text: string): string {
  return text
    .toLowerCase()
    .replace(/(^|[\s/(-])(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase())
}
