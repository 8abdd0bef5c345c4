import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../src/random.ts'
import { compileQuery, isCompiled } from '../src/watch/promql/compile.ts'
import { memorySeries } from '../src/watch/promql/memory-series.ts'
import { evaluateInstant, evaluateRange } from '../src/watch/promql/query.ts'
import { type Labels, type SeriesSource, seriesKey } from '../src/watch/series.ts'
import { generatedQuery } from './prometheus/generated-queries.ts'
import { beginMs, generatedSeries } from './prometheus/generated-series.ts'

/** The values at one moment by series; a scalar is one series without labels. */
function momentOf(source: SeriesSource, text: string, atMs: number): Map<string, number> {
  const query = compileQuery(text)
  assert.ok(isCompiled(query), text)
  const value = evaluateInstant(query, source, atMs)
  if (value.type === 'scalar') return new Map([[seriesKey({}), value.value]])
  assert.equal(value.type, 'vector', text)
  const samples: { labels: Labels; value: number }[] = value.type === 'vector' ? value.samples : []
  return new Map(samples.map(({ labels, value: one }) => [seriesKey(labels), one]))
}

test('a query over a span gives at each step what it gives at that moment alone', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 3_000_000 }), fc.integer({ min: 1, max: 300_000 }), (seed, after, stepMs) => {
      const random = seededRandom(seed)
      const text = generatedQuery(random)
      const query = compileQuery(text)
      // `start()` and `end()` mean another moment for a span than for each of its moments.
      if (!isCompiled(query) || /start\(\)|end\(\)/.test(text)) return
      const source = memorySeries(generatedSeries(random))
      const span = { fromMs: beginMs + after, toMs: beginMs + after + 4 * stepMs, stepMs }
      const series = outcome(() => evaluateRange(query, source, span))
      if (!series) return
      for (let atMs = span.fromMs; atMs <= span.toMs; atMs += stepMs) {
        const whole: [string, number][] = series.flatMap(({ labels, timesMs, values }): [string, number][] => {
          const index = timesMs.indexOf(atMs)
          return index === -1 ? [] : [[seriesKey(labels), values[index] ?? Number.NaN]]
        })
        assert.deepEqual(new Map(whole.sort()), new Map([...momentOf(source, text, atMs)].sort()), text)
      }
    }),
  )
})

/** Undefined where the series do not allow the query, which some step of a span suffices for. */
function outcome<T>(evaluation: () => T): T | undefined {
  try {
    return evaluation()
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error && error.code === 'QUERY_FAILED', String(error))
    return undefined
  }
}
