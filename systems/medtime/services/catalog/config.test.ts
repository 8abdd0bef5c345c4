import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCatalogConfig } from './config.ts'
import { retryAfter } from './duties.ts'

const base = { PORT: '4714', DATABASE_URL: 'postgresql://medtime_catalog@localhost/medtime' }
const placesOf = (environment: Record<string, string>) =>
  Object.fromEntries(
    [...readCatalogConfig({ ...base, ...environment }).places].map(([source, place]) => [
      source,
      place.on === 'disk' ? place.path : place.addresses.map(({ href }) => href),
    ]),
  )

test('without a variable no source is configured; an empty one is none', () => {
  assert.deepEqual(placesOf({}), {})
  assert.deepEqual(placesOf({ CATALOG_EMA: '' }), {})
})

test('a source lies in a folder, in a folder of the web under its published names, or is the one file', () => {
  assert.deepEqual(
    placesOf({
      CATALOG_RXNORM: '/var/lib/rxnorm',
      CATALOG_COFEPRIS: 'https://lists.example.org/sat/',
      CATALOG_EMA_RXNORM: 'https://lists.example.org/map.tsv?key=1',
    }),
    {
      rxnorm: '/var/lib/rxnorm',
      cofepris: ['https://lists.example.org/sat/sat_mx_medicamentos_51.csv'],
      'ema-rxnorm': ['https://lists.example.org/map.tsv?key=1'],
    },
  )
})

test('what nobody may be asked for is refused at the start, by the name of its variable alone', () => {
  for (const [name, value] of [
    ['CATALOG_EMA', 'http://lists.example.org/ema.csv'],
    ['CATALOG_EMA', 'https://ana:secret@lists.example.org/ema.csv'],
    ['CATALOG_EMA', 'file:///etc/passwd'],
    ['CATALOG_EMA', 'downloads'],
    ['CATALOG_RXNORM', 'https://lists.example.org/RXNCONSO.RRF'],
    ['CATALOG_MAX_BYTES', '-1'],
  ] as const)
    assert.throws(() => readCatalogConfig({ ...base, [name]: value }), {
      message: `These environment variables are missing or malformed: ${name}`,
    })
})

test('a source that fails is tried again after an hour, then after twice as long, a day at most', () => {
  const hours = (failures: number) => retryAfter(failures, new Date(0)).getTime() / 3_600_000
  assert.deepEqual([1, 2, 3, 4, 5, 6, 500].map(hours), [1, 2, 4, 8, 16, 24, 24])
})
