import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileQuery, isCompiled } from './compile.ts'
import { memorySeries } from './memory-series.ts'
import { evaluateRange } from './query.ts'

/* What windows share is worked out once; here each figure is held against its definition, over the samples of its window one by one. */

const definitions: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum_over_time: total,
  avg_over_time: (values) => total(values) / values.length,
  min_over_time: (values) => Math.min(...values),
  max_over_time: (values) => Math.max(...values),
  changes: (values) => values.filter((value, at) => at > 0 && value !== values[at - 1]).length,
  resets: (values) => values.filter((value, at) => at > 0 && value < (values[at - 1] ?? value)).length,
}

/** Thousandths, added as whole numbers, which are exact. */
function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + Math.round(value * 1000), 0) / 1000
}

const samples = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 1, max: 40_000 }),
    thousandths: fc.integer({ min: -10_000, max: 1_000_000 }),
  }),
  { maxLength: 60 },
)
const milliseconds = fc.integer({ min: 1, max: 400_000 })

test('a figure of a window is that of its samples, wherever windows begin and however they overlap', () => {
  fc.assert(
    fc.property(samples, milliseconds, milliseconds, milliseconds, (made, rangeMs, stepMs, fromMs) => {
      let atMs = 0
      const points = made.map(({ afterMs, thousandths }) => {
        atMs += afterMs
        return { atMs, value: thousandths / 1000 }
      })
      const source = memorySeries([
        {
          labels: { __name__: 'a' },
          timesMs: Float64Array.from(points, (point) => point.atMs),
          values: Float64Array.from(points, ({ value }) => value),
          endedAtMs: new Float64Array(),
        },
      ])
      const span = { fromMs, toMs: fromMs + 12 * stepMs, stepMs }
      for (const [name, figure] of Object.entries(definitions)) {
        const query = compileQuery(`${name}(a[${rangeMs}ms])`)
        assert.ok(isCompiled(query))
        const [found] = evaluateRange(query, source, span)
        const said = new Map(Array.from(found?.timesMs ?? [], (time, at) => [time, found?.values[at]]))
        for (let momentMs = span.fromMs; momentMs <= span.toMs; momentMs += stepMs) {
          const within = points.filter((point) => point.atMs >= momentMs - rangeMs && point.atMs <= momentMs)
          const wanted = within.length === 0 ? undefined : figure(within.map(({ value }) => value))
          const got = said.get(momentMs)
          if (wanted === undefined || got === undefined) assert.equal(got, wanted, `${name} at ${momentMs}`)
          else assert.ok(Math.abs(got - wanted) <= 1e-9, `${name} at ${momentMs}: ${got}, not ${wanted}`)
        }
      }
    }),
  )
})
