import { writeStrength } from '../../../client/catalog/strength.ts'
import type { SourceLine } from '../facts.ts'
import { readTable } from '../table.ts'
import type { Encoding } from '../text-file.ts'
import { parseDrugName } from './rxnorm-name.ts'
import { asName, atcCodes } from './words.ts'

/** Columns of RRF files by the technical documentation of RxNorm; the files themselves name none. */
const conso = 'RXCUI LAT TS LUI STT SUI ISPREF RXAUI SAUI SCUI SDUI SAB TTY CODE STR SRL SUPPRESS CVF'.split(' ')
const sat = 'RXCUI LUI SUI RXAUI STYPE CODE ATUI SATUI ATN SAB ATV SUPPRESS CVF'.split(' ')

export interface RxNormFile {
  path: string
  encoding: Encoding
}

/** What RXNSAT says of concepts. */
interface Attributes {
  atc: Map<string, Set<string>>
  strengths: Map<string, string>
  obsolete: Set<string>
  animals: Set<string>
  people: Set<string>
}

/**
 * RXNCONSO.RRF with the attributes of RXNSAT.RRF: substances (IN), and clinical and branded drugs (SCD, SBD), whose names hold
 * strength, form and brand. Lines of RXNCONSO are told.
 */
export async function* readRxNorm(concepts: RxNormFile, attributes: RxNormFile): AsyncGenerator<SourceLine> {
  const of = await readAttributes(attributes)
  for await (const { line, cell } of readTable({ ...concepts, columns: conso, named: false, delimiter: '|' })) {
    if (cell('SAB') !== 'RXNORM' || cell('LAT') !== 'ENG') continue
    const kind = cell('TTY')
    if (kind !== 'IN' && kind !== 'SCD' && kind !== 'SBD') continue
    const rxnorm = cell('RXCUI')
    if (!/^\d{1,10}$/.test(rxnorm)) yield { line, rejected: 'no RXCUI' }
    else if (cell('SUPPRESS') !== 'N' || of.obsolete.has(rxnorm)) yield { line, rejected: 'obsolete' }
    else if (of.animals.has(rxnorm) && !of.people.has(rxnorm)) yield { line, rejected: 'not for people' }
    else if (kind === 'IN') {
      const name = cell('STR')
      if (name === '' || name.length > 200) yield { line, rejected: 'no name' }
      else {
        yield {
          line,
          told: { ingredients: [asName(name)], language: 'en', atc: [...(of.atc.get(rxnorm) ?? [])], rxnorm },
        }
      }
    } else {
      const drug = parseDrugName(cell('STR'))
      const strength = drug?.strength ?? of.strengths.get(rxnorm)
      if (drug === undefined) yield { line, rejected: 'a name without substance and strength' }
      else {
        yield {
          line,
          told: {
            ingredients: drug.ingredients.map(asName),
            language: 'en',
            aliases: drug.brand === undefined ? [] : [['brand', drug.brand]],
            forms: drug.form === undefined ? [] : [drug.form],
            strengths: strength === undefined ? [] : [strength],
            rxnorm,
          },
        }
      }
    }
  }
}

async function readAttributes(file: RxNormFile): Promise<Attributes> {
  const found: Attributes = {
    atc: new Map(),
    strengths: new Map(),
    obsolete: new Set(),
    animals: new Set(),
    people: new Set(),
  }
  for await (const { cell } of readTable({ ...file, columns: sat, named: false, delimiter: '|' })) {
    const rxnorm = cell('RXCUI')
    switch (cell('ATN')) {
      case 'ATC_LEVEL': {
        const codes = found.atc.get(rxnorm) ?? new Set<string>()
        for (const code of atcCodes(cell('CODE'))) codes.add(code)
        found.atc.set(rxnorm, codes)
        break
      }
      case 'RXN_AVAILABLE_STRENGTH': {
        const strength = writeStrength(cell('ATV').replaceAll(' / ', ';'))
        if (strength !== undefined) found.strengths.set(rxnorm, strength)
        break
      }
      case 'RXN_OBSOLETED':
        found.obsolete.add(rxnorm)
        break
      case 'RXN_VET_DRUG':
        found.animals.add(rxnorm)
        break
      case 'RXN_HUMAN_DRUG':
        found.people.add(rxnorm)
        break
    }
  }
  return found
}
