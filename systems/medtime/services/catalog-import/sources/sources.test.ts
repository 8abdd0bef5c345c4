import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { SourceLine } from '../facts.ts'
import { readCofepris } from './cofepris.ts'
import { readCofeprisLists } from './cofepris-lists.ts'
import { readDrugsAtFda } from './drugs-at-fda.ts'
import { readEma } from './ema.ts'
import { readEmaRxNorm } from './ema-rxnorm.ts'
import { readRxNorm } from './rxnorm.ts'
import { parseDrugName } from './rxnorm-name.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catalog-sources-'))
})
after(() => rm(folder, { recursive: true }))

async function file(name: string, lines: string[]): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, `${lines.join('\n')}\n`)
  return path
}
async function all<T>(lines: AsyncGenerator<T>): Promise<T[]> {
  const found: T[] = []
  for await (const line of lines) found.push(line)
  return found
}
const told = (lines: SourceLine[]) => lines.flatMap((line) => ('told' in line ? [line.told] : []))
const rejected = (lines: SourceLine[]) =>
  lines.flatMap((line) => ('rejected' in line ? [[line.line, line.rejected]] : []))

test('names of RxNorm are taken apart by their rules, and what does not follow them is left alone', () => {
  assert.deepEqual(parseDrugName('losartan potassium 50 MG Oral Tablet [Cozaar]'), {
    ingredients: ['losartan potassium'],
    strength: '50 mg',
    form: 'tablet',
    brand: 'Cozaar',
  })
  assert.deepEqual(
    parseDrugName('24 HR metformin hydrochloride 500 MG / sitagliptin 50 MG Extended Release Oral Tablet'),
    {
      ingredients: ['metformin hydrochloride', 'sitagliptin'],
      strength: '500 mg + 50 mg',
      form: 'tablet',
      brand: undefined,
    },
  )
  assert.deepEqual(parseDrugName('0.5 ML docetaxel 40 MG/ML Injection')?.strength, '40 mg/ml')
  assert.equal(parseDrugName('docetaxel Injection'), undefined)
  assert.equal(parseDrugName('{12 (norgestrel 1 MG) } Pack'), undefined)
})

test('RxNorm: substances with their ATC codes, drugs with strength, form and brand; nothing obsolete, nothing for animals', async () => {
  const conso = (rxcui: string, tty: string, name: string, sab = 'RXNORM', suppress = 'N') =>
    `${rxcui}|ENG||||||1${rxcui}||${rxcui}||${sab}|${tty}|${rxcui}|${name}||${suppress}|4096|`
  const sat = (rxcui: string, code: string, name: string, value: string) =>
    `${rxcui}||||CUI|${code}|||${name}|RXNORM|${value}|N|4096|`
  const concepts = await file('RXNCONSO.RRF', [
    conso('52175', 'IN', 'losartan'),
    conso('979485', 'SCD', 'losartan potassium 25 MG Oral Tablet'),
    conso('979482', 'SBD', 'losartan potassium 100 MG Oral Tablet [Cozaar]'),
    conso('1', 'SCD', 'losartan potassium 5 MG Oral Tablet'),
    conso('2', 'SCD', 'losartan potassium 7 MG Oral Tablet', 'RXNORM', 'O'),
    conso('3', 'SCD', 'carprofen 25 MG Chewable Tablet'),
    conso('52175', 'PT', 'Losartan', 'ATC'),
    conso('4', 'SCD', 'something without a strength'),
    conso('', 'IN', 'no number'),
  ])
  const attributes = await file('RXNSAT.RRF', [
    sat('52175', 'C09CA01', 'ATC_LEVEL', '5'),
    sat('1', '1', 'RXN_OBSOLETED', '04/2009'),
    sat('3', '3', 'RXN_VET_DRUG', 'US'),
  ])
  const lines = await all(readRxNorm({ path: concepts, encoding: 'utf-8' }, { path: attributes, encoding: 'utf-8' }))
  assert.deepEqual(told(lines), [
    { ingredients: ['Losartan'], language: 'en', atc: ['C09CA01'], rxnorm: '52175' },
    {
      ingredients: ['Losartan potassium'],
      language: 'en',
      aliases: [],
      forms: ['tablet'],
      strengths: ['25 mg'],
      rxnorm: '979485',
    },
    {
      ingredients: ['Losartan potassium'],
      language: 'en',
      aliases: [['brand', 'Cozaar']],
      forms: ['tablet'],
      strengths: ['100 mg'],
      rxnorm: '979482',
    },
  ])
  assert.deepEqual(rejected(lines), [
    [4, 'obsolete'],
    [5, 'obsolete'],
    [6, 'not for people'],
    [8, 'a name without substance and strength'],
    [9, 'no RXCUI'],
  ])
})

test('EMA: medicines for people that were on the market; a brand without what it was called before', async () => {
  const head =
    'Category,Name of medicine,EMA product number,Medicine status,International non-proprietary name (INN) / common name,Active substance,"ATC code\n(human)"'
  const path = await file('ema.csv', [
    head,
    'Human,Zonisamide Viatris (previously Zonisamide Mylan),EMEA/H/C/004127,Authorised,zonisamide,zonisamide,N03AX15',
    'Human,Descovy,EMEA/H/C/004094,Authorised,emtricitabine;tenofovir alafenamide,,Not yet assigned',
    'Veterinary,Procox,EMEA/V/C/002006,Authorised,emodepside,,',
    'Human,Never,EMEA/H/C/1,Refused,x,,',
    'Human,Bad,13,Authorised,x,,',
  ])
  const lines = await all(readEma(path, 'utf-8'))
  assert.deepEqual(
    told(lines).map(({ ingredients, aliases, atc }) => [ingredients, aliases, atc]),
    [
      [['Zonisamide'], [['brand', 'Zonisamide Viatris']], ['N03AX15']],
      [['Emtricitabine', 'Tenofovir alafenamide'], [['brand', 'Descovy']], []],
    ],
  )
  assert.deepEqual(
    rejected(lines).map(([, reason]) => reason),
    ['not for people', 'never on the market', 'no product number'],
  )
})

test('Drugs@FDA: strengths as the catalog writes them, remarks behind them left out', async () => {
  const path = await file('fda.csv', [
    'ApplNo,ProductNo,Form,Strength,ReferenceDrug,DrugName,ActiveIngredient,ReferenceStandard',
    '1,1,TABLET;ORAL,12.5MG;50MG **Federal Register determination that it was not withdrawn**,0,HYZAAR,HYDROCHLOROTHIAZIDE; LOSARTAN POTASSIUM,0',
    '1,2,INJECTABLE;INJECTION,"20,000 UNITS/ML",0,HEPARIN SODIUM,HEPARIN SODIUM,0',
    '1,3,TABLET;ORAL,N/A,0,TRIPLE SULFA,TRIPLE SULFA (SULFABENZAMIDE;SULFACETAMIDE),0',
    'x,3,TABLET;ORAL,5MG,0,A,B,0',
  ])
  const lines = await all(readDrugsAtFda(path, 'utf-8'))
  assert.deepEqual(
    told(lines).map(({ ingredients, aliases, forms, strengths }) => [ingredients, aliases, forms, strengths]),
    [
      [['Hydrochlorothiazide', 'Losartan potassium'], [['brand', 'Hyzaar']], ['tablet'], ['12.5 mg + 50 mg']],
      [['Heparin sodium'], [], ['injection'], ['20000 iu/ml']],
      [['Sulfabenzamide', 'Sulfacetamide'], [['brand', 'Triple Sulfa']], ['tablet'], []],
    ],
  )
  assert.deepEqual(rejected(lines), [[5, 'no application number']])
})

test('the map from EMA to RxNorm: what it calls incorrect is not believed', async () => {
  const head =
    'product_number\tma_number\tconcept_name\tconcept_id\tconcept_class_id\tvocabulary_id\trxcui\tmapping_type\tsuggestion_or_comment\tlast_updated_date'
  const row = (name: string, kind: string) =>
    `EMEA/H/C/000073\tEU/1\t${name}\t1\tClinical Drug\tRxNorm\t562724\t${kind}\t"\t`
  const path = await file('map.tsv', [
    head,
    row('2 ML docetaxel 40 MG/ML Injection [Taxotere]', 'EXACT'),
    row('docetaxel 1 MG Oral Tablet', 'INCORRECT'),
    row('', ''),
  ])
  const lines = await all(readEmaRxNorm(path, 'utf-8'))
  assert.deepEqual(
    told(lines).map(({ ingredients, strengths, ema, rxnorm }) => [ingredients, strengths, ema, rxnorm]),
    [[['Docetaxel'], ['40 mg/ml'], 'EMEA/H/C/000073', '562724']],
  )
  assert.deepEqual(rejected(lines), [
    [3, 'the map calls it incorrect'],
    [4, 'not mapped'],
  ])
})

test('COFEPRIS: a similar word is taken for a name only where it is the same name; groups are no medicines', async () => {
  const path = await file('sat.csv', [
    'clave,descripcion,incluye_iva,palabras_similares',
    '51101503,Cloranfenicol,0,Clorfenamina',
    '51101536,Moxifloxacina clorhidrato,0,"Clorhidrato de moxifloxacina, Voriconazol"',
    '51101500,Antibióticos,0,',
    '50101500,Manzanas,0,',
  ])
  const lines = await all(readCofepris(path, 'utf-8'))
  assert.deepEqual(
    told(lines).map(({ ingredients, aliases, sat }) => [ingredients, aliases, sat]),
    [
      [['Cloranfenicol'], [], '51101503'],
      [['Moxifloxacina clorhidrato'], [['synonym', 'Clorhidrato de moxifloxacina']], '51101536'],
    ],
  )
  assert.deepEqual(rejected(lines), [
    [4, 'names a group of medicines'],
    [5, 'no key of a medicine'],
  ])
})

test('a dump is read and never run: only rows of the known lists are taken', async () => {
  const path = await file('lists.sql', [
    'PRAGMA foreign_keys=OFF;',
    'BEGIN TRANSACTION;',
    "INSERT INTO ccp_31_formas_farmaceuticas VALUES('05','Suspensión','','');",
    "INSERT INTO ccp_31_formas_farmaceuticas VALUES('99','Nube','','');",
    "INSERT INTO ccp_31_condiciones_especiales VALUES('03','Con ''comillas''','','');",
    "INSERT INTO srv_users VALUES('03','x');",
    "DROP TABLE srv_users; INSERT INTO ccp_31_condiciones_especiales VALUES('04','x','','');",
    'COMMIT;',
  ])
  const lines = await all(readCofeprisLists(path, 'utf-8'))
  assert.deepEqual(lines, [
    { line: 3, entry: { list: 'form', code: '05', name: 'Suspensión' } },
    { line: 4, rejected: 'unknown form' },
    { line: 5, entry: { list: 'condition', code: '03', name: "Con 'comillas'" } },
    { line: 6, rejected: 'not a row of a known list' },
    { line: 7, rejected: 'not a row of a known list' },
  ])
})
