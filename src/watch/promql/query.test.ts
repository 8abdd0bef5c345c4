import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SeriesSource } from '../series.ts'
import { type CompiledQuery, compileQuery, isCompiled } from './compile.ts'
import { everySeconds, memorySeries } from './memory-series.ts'
import { evaluateInstant, evaluateRange } from './query.ts'

const minuteMs = 60_000

function compiled(text: string): CompiledQuery {
  const query = compileQuery(text)
  assert.ok(isCompiled(query), text)
  return query
}

/** The values of a vector at a moment; of series without labels mostly, so that the values say enough. */
function valuesAt(source: SeriesSource, text: string, atMs: number): number[] {
  const value = evaluateInstant(compiled(text), source, atMs)
  assert.equal(value.type, 'vector', text)
  return value.type === 'vector' ? value.samples.map((sample) => sample.value) : []
}

test('a value speaks for its series for five minutes, the last of them included', () => {
  const source = memorySeries([everySeconds({ __name__: 'a' }, 0, 60, [7])])
  assert.deepEqual(valuesAt(source, 'a', -1), [])
  assert.deepEqual(valuesAt(source, 'a', 0), [7])
  assert.deepEqual(valuesAt(source, 'a', 5 * minuteMs), [7])
  assert.deepEqual(valuesAt(source, 'a', 5 * minuteMs + 1), [])
})

test('a series that ended is gone at once, and back with its next value', () => {
  const source = memorySeries([everySeconds({ __name__: 'a' }, 0, 60, [1, 2, undefined, undefined, 5], [90_000])])
  assert.deepEqual(valuesAt(source, 'a', 89_999), [2])
  assert.deepEqual(valuesAt(source, 'a', 90_000), [])
  assert.deepEqual(valuesAt(source, 'a', 4 * minuteMs - 1), [])
  assert.deepEqual(valuesAt(source, 'a', 4 * minuteMs), [5])
  assert.deepEqual(valuesAt(source, 'count_over_time(a[4m])', 4 * minuteMs), [3], 'an end is no sample')
})

test('a window holds both its edges', () => {
  const source = memorySeries([everySeconds({ __name__: 'a' }, 0, 60, [1, 2, 3, 4])])
  assert.deepEqual(valuesAt(source, 'count_over_time(a[2m])', 3 * minuteMs), [3])
  assert.deepEqual(valuesAt(source, 'count_over_time(a[2m])', 3 * minuteMs + 1), [2])
})

test('a rate follows a counter through its resets', () => {
  const source = memorySeries([everySeconds({ __name__: 'a' }, 0, 60, [10, 40, 10, 40])])
  assert.deepEqual(valuesAt(source, 'increase(a[3m])', 3 * minuteMs), [70])
  assert.deepEqual(valuesAt(source, 'delta(a[3m])', 3 * minuteMs), [30])
  assert.deepEqual(valuesAt(source, 'resets(a[3m])', 3 * minuteMs), [1])
})

test('NaN is a value, absence is not', () => {
  const source = memorySeries([everySeconds({ __name__: 'a' }, 0, 60, [Number.NaN])])
  assert.deepEqual(valuesAt(source, 'a', 0), [Number.NaN])
  assert.deepEqual(valuesAt(source, 'a > 0', 0), [])
  assert.deepEqual(valuesAt(source, 'absent(a)', 0), [])
  assert.deepEqual(evaluateInstant(compiled('absent(b{c="d",e!="f"})'), source, 0), {
    type: 'vector',
    samples: [{ labels: { c: 'd' }, value: 1 }],
  })
})

test('a modifier belongs to the selector before it, and powers bind before signs', () => {
  const source = memorySeries([everySeconds({ __name__: 'a' }, 0, 60, [1, 10, 100])])
  assert.deepEqual(valuesAt(source, 'a - a offset 1m * 2', 2 * minuteMs), [80])
  assert.deepEqual(valuesAt(source, 'a + a @ 0', 2 * minuteMs), [101])
  assert.deepEqual(valuesAt(source, '-a ^ 2', 0), [-1])
  assert.deepEqual(evaluateInstant(compiled('-2 ^ 2 + 2 ^ 3 ^ 0'), source, 0), { type: 'scalar', value: -2 })
})

test('series that cannot meet one to one are an error, not a guess', () => {
  const source = memorySeries([
    everySeconds({ __name__: 'a', x: '1', y: '1' }, 0, 60, [1]),
    everySeconds({ __name__: 'a', x: '1', y: '2' }, 0, 60, [2]),
    everySeconds({ __name__: 'b', x: '1' }, 0, 60, [10]),
    everySeconds({ __name__: 'c', x: '1', y: '1' }, 0, 60, [3]),
  ])
  for (const text of [
    'a / on(x) b',
    'b / on(x) a',
    'a / on(x) group_right b',
    'rate({__name__=~"a|c"}[1m] offset -1m)',
  ]) {
    const evaluation = () => evaluateInstant(compiled(text), source, 0)
    if (text.startsWith('rate')) assert.doesNotThrow(evaluation, 'a single sample has no rate')
    else assert.throws(evaluation, { code: 'QUERY_FAILED' }, text)
  }
  assert.throws(() => evaluateInstant(compiled('-{__name__=~"a|c"}'), source, 0), { code: 'QUERY_FAILED' })
  assert.deepEqual(valuesAt(source, 'a / on(x) group_left b', 0), [0.1, 0.2])
})

test('a subquery is evaluated at multiples of its step, each minute unless told', () => {
  const source = memorySeries([
    everySeconds(
      { __name__: 'a' },
      0,
      15,
      Array.from({ length: 41 }, (_, index) => index),
    ),
  ])
  const value = evaluateInstant(compiled('a[2m:]'), source, 130_000)
  assert.ok(value.type === 'matrix')
  assert.deepEqual(
    value.series.map(({ timesMs, values }) => [[...timesMs], [...values]]),
    [
      [
        [60_000, 120_000],
        [4, 8],
      ],
    ],
  )
  assert.deepEqual(valuesAt(source, 'max_over_time(a[1m:7s])', 130_000), [8])
})

test('each selector is selected once for a whole range', () => {
  const series = memorySeries([
    everySeconds(
      { __name__: 'a' },
      0,
      15,
      Array.from({ length: 400 }, (_, index) => index),
    ),
  ])
  const asked: [number, number][] = []
  const source: SeriesSource = {
    select: (matchers, afterMs, untilMs) => {
      asked.push([afterMs, untilMs])
      return series.select(matchers, afterMs, untilMs)
    },
  }
  const span = { fromMs: 3_600_000, toMs: 4_800_000, stepMs: 15_000 }
  const [rate] = evaluateRange(compiled('rate(a[10m]) / a'), source, span)
  assert.equal(rate?.timesMs.length, 81)
  assert.deepEqual(asked, [
    [span.fromMs - 600_001, span.toMs],
    [span.fromMs - 300_001, span.toMs],
  ])
})

test('over a span neither ranges nor strings can be evaluated, nor can a span that ends before it starts', () => {
  const source = memorySeries([])
  const span = { fromMs: 0, toMs: 60_000, stepMs: 15_000 }
  for (const text of ['a[5m]', '"text"']) {
    assert.throws(() => evaluateRange(compiled(text), source, span), { code: 'QUERY_FAILED' }, text)
  }
  for (const wrong of [
    { ...span, stepMs: 0 },
    { ...span, toMs: -1 },
  ]) {
    assert.throws(() => evaluateRange(compiled('1'), source, wrong), { code: 'QUERY_FAILED' })
  }
  assert.deepEqual(evaluateInstant(compiled('"text"'), source, 0), { type: 'string', value: 'text' })
})

test('every condition of the four plans is a query', () => {
  const systems = join(import.meta.dirname, '../../../systems')
  const conditions = readdirSync(systems).flatMap((system) => {
    const [, alerts = ''] = readFileSync(join(systems, system, 'plan.ts'), 'utf8').split(/^ {2}alerts: \{$/m)
    return [...(alerts.split(/^ {2}\},$/m)[0] ?? '').matchAll(/^ {6}when: '(.+)',$/gm)].flatMap(
      (match) => match[1] ?? [],
    )
  })
  assert.ok(conditions.length > 30, `${conditions.length} conditions found`)
  for (const condition of conditions) assert.equal(compiled(condition).type, 'vector', condition)
})
