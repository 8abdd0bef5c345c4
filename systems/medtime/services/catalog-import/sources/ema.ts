import type { SourceLine } from '../facts.ts'
import { readTable } from '../table.ts'
import type { Encoding } from '../text-file.ts'
import { asName, atcCodes, ingredientsOf } from './words.ts'

const columns = [
  'Category',
  'Name of medicine',
  'EMA product number',
  'Medicine status',
  'International non-proprietary name (INN) / common name',
  'Active substance',
  'ATC code (human)',
] as const

/** Once on the market, so that people may still have it at home. */
const known = new Set(['Authorised', 'Withdrawn', 'Lapsed', 'Expired', 'Suspended', 'Revoked', 'Opinion'])

/** The table of medicines that the European Medicines Agency publishes for download. */
export async function* readEma(path: string, encoding: Encoding): AsyncGenerator<SourceLine> {
  for await (const { line, cell } of readTable({ path, encoding, columns, named: true })) {
    const inn = cell('International non-proprietary name (INN) / common name') || cell('Active substance')
    const ingredients = ingredientsOf(inn, /;| \/ /)
    const brand = cell('Name of medicine')
      .replace(/\s*\([^)]*\)\s*$/, '')
      .trim()
    if (cell('Category') !== 'Human') yield { line, rejected: 'not for people' }
    else if (!known.has(cell('Medicine status'))) yield { line, rejected: 'never on the market' }
    else if (ingredients === undefined) yield { line, rejected: 'no substance' }
    else if (!/^EMEA\/H\/[CW]\/\d{1,8}/.test(cell('EMA product number'))) yield { line, rejected: 'no product number' }
    else {
      yield {
        line,
        told: {
          ingredients: ingredients.map(asName),
          language: 'en',
          aliases: brand === '' ? [] : [['brand', brand]],
          atc: atcCodes(cell('ATC code (human)')),
          ema: cell('EMA product number'),
        },
      }
    }
  }
}
