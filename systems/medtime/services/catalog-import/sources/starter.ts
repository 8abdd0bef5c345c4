import { join } from 'node:path'
import { type FormCode, formNames } from '../../../client/catalog/form.ts'
import type { SourceLine, Told } from '../facts.ts'
import { createIdentity, type Identity } from '../identity.ts'
import { readTable } from '../table.ts'
import type { Encoding } from '../text-file.ts'
import { ingredientsOf } from './words.ts'

/** The catalog that this repository brings. */
export const starterPath = join(import.meta.dirname, '../../../seed/catalog.tsv')

const columns = ['inn', 'atc', 'es', 'en', 'pt', 'forms', 'strengths', 'synonyms', 'brands'] as const
const combined = /\s\+\s/

export async function* readStarter(path: string, encoding: Encoding): AsyncGenerator<SourceLine> {
  for await (const { line, cell } of readTable({ path, encoding, columns, named: true, delimiter: '\t' })) {
    const ingredients = ingredientsOf(cell('inn'), combined)
    const forms = list(cell('forms'))
    if (ingredients === undefined) yield { line, rejected: 'no substance' }
    else if (!forms.every(isForm)) yield { line, rejected: 'unknown form' }
    else {
      const told: Told = {
        ingredients,
        language: 'en',
        names: { es: cell('es'), en: cell('en'), pt: cell('pt') },
        aliases: [
          ['name', cell('inn')],
          ...list(cell('synonyms')).map((text) => ['synonym', text] as const),
          ...list(cell('brands')).map((text) => ['brand', text] as const),
        ],
        atc: [cell('atc')],
        forms,
        strengths: list(cell('strengths')),
      }
      yield { line, told }
    }
  }
}

/** Joins the names of one substance in three languages, as the starter catalog has them. */
export async function starterIdentity(): Promise<Identity> {
  const synonyms = new Map<string, string>()
  for await (const { cell } of readTable({
    path: starterPath,
    encoding: 'utf-8',
    columns,
    named: true,
    delimiter: '\t',
  })) {
    const inn = cell('inn')
    if (combined.test(inn)) continue
    for (const name of [inn, cell('es'), cell('en'), cell('pt')]) synonyms.set(name, inn)
  }
  return createIdentity(synonyms)
}

function list(text: string): string[] {
  return text === '' ? [] : text.split(';')
}

function isForm(text: string): text is FormCode {
  return text in formNames
}
