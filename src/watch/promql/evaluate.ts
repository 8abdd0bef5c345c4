import { fold } from './aggregate.ts'
import type { AggregateExpr, Expr, RangeExpr, SubqueryExpr } from './ast.ts'
import { evaluateBinary } from './binary.ts'
import { evaluateCall } from './calls.ts'
import { type Column, distinct } from './columns.ts'
import { countValues } from './count-values.ts'
import { type Frame, momentsOf } from './frame.ts'
import { withoutName } from './label-sets.ts'
import { quantiles, ranked } from './ranking.ts'
import { selectInstant } from './select.ts'
import type { Value } from './value.ts'
import type { Points, Ranges } from './windows.ts'

/** How far apart the steps of a subquery are that names none: Prometheus's default interval of evaluation. */
export const subqueryStepMs = 60_000

/**
 * What an expression that is not a range comes to at every step of a frame.
 * @throws AvalError QUERY_FAILED where the series do not allow what the query asks.
 */
export function evaluate(expr: Expr, frame: Frame): Value {
  const { count } = frame
  switch (expr.kind) {
    case 'number':
      return { kind: 'scalar', values: new Float64Array(count).fill(expr.value) }
    case 'string':
      return { kind: 'string', value: expr.value }
    case 'paren':
      return evaluate(expr.inner, frame)
    case 'selector':
      return { kind: 'vector', columns: selectInstant(frame, expr) }
    case 'unary':
      return expr.op === '+' ? evaluate(expr.inner, frame) : negated(evaluate(expr.inner, frame))
    case 'binary':
      return evaluateBinary(expr, evaluate(expr.left, frame), evaluate(expr.right, frame), count)
    case 'aggregate':
      return { kind: 'vector', columns: aggregated(expr, frame) }
    case 'call':
      return evaluateCall(expr, frame, { evaluate, evaluateRanges })
    case 'range':
    case 'subquery':
      throw new RangeError('A range vector has no value of its own.')
  }
}

/** The samples a range or a subquery looks at over all steps of a frame. */
export function evaluateRanges(expr: RangeExpr | SubqueryExpr, frame: Frame): Ranges {
  const moments = momentsOf(frame, expr.kind === 'range' ? expr.selector : expr)
  const { rangeMs } = expr
  const lastMs = moments.firstMs + moments.stepMs * (frame.count - 1)
  if (expr.kind === 'range') {
    const series = [...frame.source.select(expr.selector.matchers, moments.firstMs - rangeMs - 1, lastMs)]
    return { series, moments, rangeMs }
  }
  return { series: subquery(expr, frame, moments.firstMs - rangeMs, lastMs), moments, rangeMs }
}

/** The inner expression at the multiples of its step that any window reaches. */
function subquery(expr: SubqueryExpr, frame: Frame, fromMs: number, lastMs: number): Points[] {
  const stepMs = expr.stepMs ?? subqueryStepMs
  const startMs = Math.ceil(fromMs / stepMs) * stepMs
  const count = Math.floor((lastMs - startMs) / stepMs) + 1
  if (count < 1) return []
  const value = evaluate(expr.inner, { ...frame, startMs, stepMs, count })
  return value.kind === 'vector' ? value.columns.map((column) => pointsOf(column, startMs, stepMs)) : []
}

/** The steps at which a column has a value, as samples. */
export function pointsOf({ labels, values, present }: Column, startMs: number, stepMs: number): Points {
  const timesMs = new Float64Array(values.length)
  const kept = new Float64Array(values.length)
  let count = 0
  for (let step = 0; step < values.length; step++) {
    if (!present[step]) continue
    timesMs[count] = startMs + step * stepMs
    kept[count] = values[step] ?? Number.NaN
    count++
  }
  return { labels, timesMs: timesMs.subarray(0, count), values: kept.subarray(0, count) }
}

function negated(value: Value): Value {
  if (value.kind === 'scalar') return { kind: 'scalar', values: value.values.map((one) => -one) }
  if (value.kind === 'string') return value
  const columns = value.columns.map(({ labels, values, present }) => ({
    labels: withoutName(labels),
    values: values.map((one) => -one),
    present,
  }))
  return { kind: 'vector', columns: distinct(columns) }
}

function aggregated(expr: AggregateExpr, frame: Frame): Column[] {
  const inner = evaluate(expr.inner, frame)
  const columns = inner.kind === 'vector' ? inner.columns : []
  const param = expr.param && evaluate(expr.param, frame)
  if (param?.kind === 'string') return countValues(expr, columns, param.value, frame.count)
  if (param?.kind === 'scalar') {
    return expr.op === 'quantile' ? quantiles(expr, columns, param.values) : ranked(expr, columns, param.values)
  }
  return fold(expr, columns, frame.count) ?? []
}
