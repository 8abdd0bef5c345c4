import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { seededRandom } from '../src/random.ts'
import type { SeriesSpan } from '../src/watch/series.ts'
import { compareGenerated, compareWritten, described, summary } from './prometheus/differential.ts'
import { generatedSeries } from './prometheus/generated-series.ts'
import { installedVersion, type Prometheus, startPrometheus } from './prometheus/server.ts'
import { writtenQueries } from './prometheus/written-queries.ts'

/*
 * Aval's PromQL beside a real Prometheus 2.42 over the same samples. The everyday run is short; `node bench/promql-differential.ts` makes a
 * long one, and AVAL_SEED names another seed.
 */

const seed = Number(process.env['AVAL_SEED'] ?? 242)
const version = await installedVersion()
const skip = version?.startsWith('2.42.') ? false : `Prometheus 2.42 is not installed (found: ${version ?? 'none'}).`

let prometheus: Prometheus
let series: SeriesSpan[]

before(async () => {
  if (skip) return
  prometheus = await startPrometheus()
  series = generatedSeries(seededRandom(seed).fork('series'))
  await prometheus.write(series)
})

after(() => prometheus?.stop())

test('generated queries give what Prometheus gives, or an error where it gives one', { skip }, async (context) => {
  const random = seededRandom(seed).fork('cases')
  const comparison = await compareGenerated(prometheus, series, random, { cases: 2000, ms: 3500 })
  context.diagnostic(`seed ${seed}, Prometheus ${version}: ${summary(comparison)}`)
  assert.deepEqual(comparison.disagreements.map(described), [])
  assert.ok(comparison.agreed.values > 20 && comparison.agreed.error > 1, 'the cases say something')
})

test('so do queries at the edges of the language', { skip }, async (context) => {
  const comparison = await compareWritten(prometheus, series, writtenQueries)
  context.diagnostic(`seed ${seed}, Prometheus ${version}: ${summary(comparison)}`)
  assert.deepEqual(comparison.disagreements.map(described), [])
})

test('the comparison sees it when one side forgets that series end', { skip }, async () => {
  const endless = series.map((span) => ({ ...span, endedAtMs: new Float64Array() }))
  const random = seededRandom(seed).fork('cases')
  const { disagreements } = await compareGenerated(prometheus, endless, random, {
    cases: 500,
    ms: 10_000,
    disagreements: 1,
  })
  assert.ok(disagreements.length > 0)
})
