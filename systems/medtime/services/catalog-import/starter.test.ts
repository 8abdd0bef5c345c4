import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Medicine, medicineSchema } from '../../client/catalog/medicine.ts'
import { normalise } from '../../client/catalog/normalise.ts'
import { writeStrength } from '../../client/catalog/strength.ts'
import { catalogFile, withoutFiles } from '../../test/catalog-files.ts'
import { FactsCollector } from './facts.ts'
import { mergeRecords } from './merge.ts'
import { readEma } from './sources/ema.ts'
import { readStarter, starterIdentity, starterPath } from './sources/starter.ts'
import { starterMigration } from './starter-migration.ts'

const identity = await starterIdentity()
const rows: { line: number; inn: string; atc: string; names: string[]; strengths: readonly string[]; key: string }[] =
  []
const collector = new FactsCollector()
for await (const line of readStarter(starterPath, 'utf-8')) {
  assert.ok('told' in line, JSON.stringify(line))
  const { told } = line
  const inn = told.ingredients.join(' + ')
  const key = identity.keyOf(told.ingredients)
  rows.push({
    line: line.line,
    inn,
    atc: told.atc?.[0] ?? '',
    names: Object.values(told.names ?? {}),
    strengths: told.strengths ?? [],
    key,
  })
  collector.add(key, told)
}
const medicines: Medicine[] = mergeRecords(new Map([['starter', collector.facts()]]))

/** The groups of the second level of the ATC classification. */
const groups =
  'A01 A02 A03 A04 A05 A06 A07 A08 A09 A10 A11 A12 A13 A14 A15 A16 B01 B02 B03 B05 B06 C01 C02 C03 C04 C05 C07 C08 C09 C10 ' +
  'D01 D02 D03 D04 D05 D06 D07 D08 D09 D10 D11 G01 G02 G03 G04 H01 H02 H03 H04 H05 J01 J02 J04 J05 J06 J07 L01 L02 L03 L04 ' +
  'M01 M02 M03 M04 M05 M09 N01 N02 N03 N04 N05 N06 N07 P01 P02 P03 R01 R02 R03 R05 R06 R07 S01 S02 S03 V01 V03 V04 V06 V07 ' +
  'V08 V09 V10 V20'

test('the starter catalog holds at least 300 medicines, each once, named in Spanish, English and Portuguese', () => {
  assert.ok(rows.length >= 300, `${rows.length}`)
  const twice = (values: string[]) => values.filter((value, index) => values.indexOf(value) !== index)
  assert.deepEqual(twice(rows.map(({ key }) => key)), [], 'no two rows are of the same substances')
  assert.deepEqual(twice(rows.map(({ inn }) => normalise(inn))), [])
  for (const { inn, names } of rows) {
    assert.equal(names.filter((name) => /\p{L}{3}/u.test(name)).length, 3, inn)
  }
  for (const index of [0, 1, 2]) {
    assert.deepEqual(twice(rows.map(({ names }) => normalise(names[index] ?? ''))), [], `column ${index} of names`)
  }
})

test('every ATC code has the form of the classification and belongs to a group that there is', () => {
  const known = new Set(groups.split(' '))
  for (const { inn, atc } of rows) {
    assert.match(atc, /^[ABCDGHJLMNPRSV]\d\d[A-Z][A-Z](\d\d)?$/, inn)
    assert.ok(known.has(atc.slice(0, 3)), `${inn}: ${atc}`)
  }
})

test('every strength is written as the catalog writes strengths', () => {
  for (const { inn, strengths } of rows) {
    assert.ok(strengths.length > 0, inn)
    for (const strength of strengths) {
      // Patches are measured by the hour, which no source that is read writes.
      if (!/\/(24 )?h$/.test(strength)) assert.equal(writeStrength(strength), strength, inn)
    }
  }
})

test('every combination has a strength for each of its substances', () => {
  for (const { inn, strengths } of rows.filter((row) => row.inn.includes(' + '))) {
    for (const strength of strengths) assert.equal(strength.split(' + ').length, inn.split(' + ').length, inn)
  }
})

test('the medicines are of the shape that server and devices agree on, with ids of their own', () => {
  assert.equal(new Set(medicines.map(({ id }) => id)).size, rows.length)
  for (const medicine of medicines) assert.deepEqual(medicineSchema.parse(medicine), medicine)
})

test('the migration brings this very catalog; where it no longer does, a later import does', async () => {
  const path = join(import.meta.dirname, '../../migrations/20251209001010_starter_catalog.sql')
  assert.equal(await readFile(path, 'utf8'), await starterMigration())
})

test('codes agree with those of the EMA', { skip: withoutFiles('ema_medicines.csv') }, async () => {
  const codes = new Map<string, Set<string>>()
  for await (const line of readEma(catalogFile('ema_medicines.csv'), 'utf-8')) {
    if (!('told' in line)) continue
    const key = identity.keyOf(line.told.ingredients)
    codes.set(key, new Set([...(codes.get(key) ?? []), ...(line.told.atc ?? [])]))
  }
  const compared = rows.filter(({ key }) => (codes.get(key)?.size ?? 0) > 0)
  const other = compared.filter(({ key, atc }) => codes.get(key)?.has(atc) === false)
  assert.ok(compared.length > 50, `${compared.length} are in both`)
  // One substance has several codes by its use, and codes change over the years: a few differ, and no more.
  assert.ok(other.length <= compared.length * 0.2, other.map(({ inn, atc }) => `${inn} ${atc}`).join(', '))
})
