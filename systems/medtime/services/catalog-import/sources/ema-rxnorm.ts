import type { SourceLine } from '../facts.ts'
import { readTable } from '../table.ts'
import type { Encoding } from '../text-file.ts'
import { parseDrugName } from './rxnorm-name.ts'
import { asName } from './words.ts'

const columns = [
  'product_number',
  'concept_name',
  'concept_class_id',
  'vocabulary_id',
  'rxcui',
  'mapping_type',
] as const

/** The map from packs of the EMA to concepts of RxNorm: it brings strengths, forms and the codes of both. */
export async function* readEmaRxNorm(path: string, encoding: Encoding): AsyncGenerator<SourceLine> {
  for await (const { line, cell } of readTable({
    path,
    encoding,
    columns,
    named: true,
    quoted: false,
    delimiter: '\t',
  })) {
    const drug = parseDrugName(cell('concept_name'))
    if (cell('concept_name') === '') yield { line, rejected: 'not mapped' }
    else if (cell('mapping_type') === 'INCORRECT') yield { line, rejected: 'the map calls it incorrect' }
    else if (!/^EMEA\/H\/[CW]\/\d{1,8}$/.test(cell('product_number'))) yield { line, rejected: 'no product number' }
    else if (drug === undefined) yield { line, rejected: 'a name without substance and strength' }
    else {
      yield {
        line,
        told: {
          ingredients: drug.ingredients.map(asName),
          language: 'en',
          aliases: drug.brand === undefined ? [] : [['brand', drug.brand]],
          forms: drug.form === undefined ? [] : [drug.form],
          strengths: drug.strength === undefined ? [] : [drug.strength],
          ema: cell('product_number'),
          ...(cell('vocabulary_id') === 'RxNorm' && /^\d+$/.test(cell('rxcui')) ? { rxnorm: cell('rxcui') } : {}),
        },
      }
    }
  }
}
