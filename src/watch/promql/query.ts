import { type Labels, type SeriesSource, seriesKey } from '../series.ts'
import { type Expr, unwrapped } from './ast.ts'
import { cannotEvaluate } from './columns.ts'
import type { CompiledQuery } from './compile.ts'
import { evaluate, evaluateRanges, pointsOf } from './evaluate.ts'
import type { Frame } from './frame.ts'
import { after } from './select.ts'
import type { Points } from './windows.ts'

/** The values of one series at the moments at which it has one, oldest first. */
export type RangeSeries = Points

/** What an instant query gives, as Prometheus's HTTP API names it. */
export type QueryValue =
  | { type: 'scalar'; value: number }
  | { type: 'string'; value: string }
  | { type: 'vector'; samples: { labels: Labels; value: number }[] }
  | { type: 'matrix'; series: RangeSeries[] }

/** Moments from `fromMs` on, `stepMs` apart, up to and with `toMs`. */
export interface Span {
  fromMs: number
  toMs: number
  stepMs: number
}

/**
 * Evaluates a query at one moment. A vector is in no certain order unless the query sorts or ranks it.
 * @throws AvalError QUERY_FAILED where the series do not allow what the query asks, such as several that meet one.
 */
export function evaluateInstant({ expr }: CompiledQuery, source: SeriesSource, atMs: number): QueryValue {
  const frame: Frame = { source, startMs: atMs, stepMs: 1, count: 1, queryStartMs: atMs, queryEndMs: atMs }
  const whole = unwrapped(expr)
  if (whole.kind === 'range' || whole.kind === 'subquery') return { type: 'matrix', series: windowOf(whole, frame) }
  const value = evaluate(whole, frame)
  switch (value.kind) {
    case 'scalar':
      return { type: 'scalar', value: value.values[0] ?? Number.NaN }
    case 'string':
      return { type: 'string', value: value.value }
    case 'vector': {
      const having = value.columns.filter(({ present }) => present[0])
      return {
        type: 'vector',
        samples: having.map(({ labels, values }) => ({ labels, value: values[0] ?? Number.NaN })),
      }
    }
  }
}

/**
 * Evaluates a query at every moment of a span; series come in the order of their labels.
 * @throws AvalError QUERY_FAILED as `evaluateInstant`, and for queries that give a range or a string.
 */
export function evaluateRange({ expr, type }: CompiledQuery, source: SeriesSource, span: Span): RangeSeries[] {
  const { fromMs, toMs, stepMs } = span
  if (type === 'range' || type === 'string')
    throw cannotEvaluate('Over a span only a scalar or an instant vector can be evaluated.')
  if (!(stepMs > 0) || toMs < fromMs)
    throw cannotEvaluate('The span needs a step above zero and an end that is not before its start.')
  const count = Math.floor((toMs - fromMs) / stepMs) + 1
  const frame: Frame = { source, startMs: fromMs, stepMs, count, queryStartMs: fromMs, queryEndMs: toMs }
  const value = evaluate(expr, frame)
  if (value.kind === 'string') return []
  const columns =
    value.kind === 'vector'
      ? value.columns
      : [{ labels: {}, values: value.values, present: new Uint8Array(count).fill(1) }]
  const series = columns.map((column) => pointsOf(column, fromMs, stepMs)).filter(({ timesMs }) => timesMs.length > 0)
  const keys = new Map(series.map((one) => [one, seriesKey(one.labels)]))
  return series.sort((a, b) => ((keys.get(a) ?? '') < (keys.get(b) ?? '') ? -1 : 1))
}

/** The samples of a range that stands alone, cut to its window. */
function windowOf(expr: Extract<Expr, { kind: 'range' | 'subquery' }>, frame: Frame): RangeSeries[] {
  const { series, moments, rangeMs } = evaluateRanges(expr, frame)
  return series.flatMap(({ labels, timesMs, values }) => {
    const from = after(timesMs, moments.firstMs - rangeMs - 1)
    const to = after(timesMs, moments.firstMs)
    return from < to ? [{ labels, timesMs: timesMs.slice(from, to), values: values.slice(from, to) }] : []
  })
}
