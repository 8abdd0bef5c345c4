import { absence } from './absence.ts'
import { larger, smaller } from './arithmetic.ts'
import { type CallExpr, type Expr, type RangeExpr, type SubqueryExpr, unwrapped } from './ast.ts'
import { type Column, mapColumns, mergeBySteps } from './columns.ts'
import { dateFunction } from './date-functions.ts'
import type { Frame } from './frame.ts'
import { histogramQuantile } from './histogram.ts'
import { labelJoin, labelReplace } from './label-functions.ts'
import { withoutName } from './label-sets.ts'
import { mathFunctions, roundTo } from './math-functions.ts'
import { rangeFunction } from './range-functions.ts'
import { compareForRank } from './ranking.ts'
import { selectInstant } from './select.ts'
import type { Value } from './value.ts'
import { overWindows, type Ranges } from './windows.ts'

/** How the arguments of a call become values. */
export interface Evaluation {
  evaluate(expr: Expr, frame: Frame): Value
  evaluateRanges(expr: RangeExpr | SubqueryExpr, frame: Frame): Ranges
}

/** A function of Prometheus over its arguments; types were checked when the query was compiled. */
export function evaluateCall(call: CallExpr, frame: Frame, evaluation: Evaluation): Value {
  const args = call.args.map(unwrapped)
  const range = args.find((arg) => arg.kind === 'range' || arg.kind === 'subquery')
  const values = args.filter((arg) => arg !== range).map((arg) => evaluation.evaluate(arg, frame))
  if (range?.kind === 'range' || range?.kind === 'subquery') {
    return vector(overRange(call.name, range, scalarsOf(values)[0], frame, evaluation))
  }
  return overValues(call.name, args, values, frame)
}

function overRange(
  name: string,
  range: RangeExpr | SubqueryExpr,
  param: Float64Array | undefined,
  frame: Frame,
  { evaluateRanges }: Evaluation,
): Column[] {
  const figureOf = rangeFunction(name, (step) => param?.[step] ?? Number.NaN)
  if (!figureOf) throw new RangeError(`"${name}" takes no range.`)
  const absent = name === 'absent_over_time'
  const columns = overWindows(frame, evaluateRanges(range, frame), figureOf, name === 'last_over_time' || absent)
  return absent ? absence(range, columns, frame.count) : columns
}

function overValues(name: string, args: readonly Expr[], values: readonly Value[], frame: Frame): Value {
  const columns = values.find((value) => value.kind === 'vector')?.columns ?? []
  const scalars = scalarsOf(values)
  const texts = values.flatMap((value) => (value.kind === 'string' ? [value.value] : []))
  const first = args[0]
  switch (name) {
    case 'time':
      return { kind: 'scalar', values: momentsInSeconds(frame) }
    case 'pi':
      return { kind: 'scalar', values: new Float64Array(frame.count).fill(Math.PI) }
    case 'scalar':
      return { kind: 'scalar', values: onlyValues(columns, frame.count) }
    case 'vector':
      return vector([constant(scalars[0] ?? new Float64Array(frame.count))])
    case 'absent':
      return vector(first ? absence(first, columns, frame.count) : [])
    case 'timestamp':
      return vector(first ? timestamps(first, columns, frame) : [])
    case 'histogram_quantile':
      return vector(histogramQuantile(scalars[0] ?? new Float64Array(frame.count), columns))
    case 'label_replace':
      return vector(labelReplace(columns, texts))
    case 'label_join':
      return vector(labelJoin(columns, texts))
    case 'sort':
    case 'sort_desc':
      return vector(sorted(columns, name === 'sort_desc', frame))
    case 'clamp':
    case 'clamp_min':
    case 'clamp_max':
      return vector(clamped(name, columns, scalars))
    default:
      return vector(changed(name, args, columns, scalars, frame))
  }
}

function changed(
  name: string,
  args: readonly Expr[],
  columns: readonly Column[],
  scalars: readonly Float64Array[],
  frame: Frame,
): Column[] {
  const date = dateFunction(name)
  if (date) return mapColumns(args.length === 0 ? [constant(momentsInSeconds(frame))] : columns, date)
  if (name === 'round') return mapColumns(columns, (value, step) => roundTo(value, scalars[0]?.[step] ?? 1))
  const change = mathFunctions[name]
  if (!change) throw new RangeError(`"${name}" is not known.`)
  return mapColumns(columns, (value) => change(value))
}

/** With both bounds given, nothing is left where the lower is above the upper. */
function clamped(name: string, columns: readonly Column[], [first, second]: readonly Float64Array[]): Column[] {
  const lowest = (step: number) => first?.[step] ?? Number.NaN
  if (name === 'clamp_min') return mapColumns(columns, (value, step) => larger(lowest(step), value))
  if (name === 'clamp_max') return mapColumns(columns, (value, step) => smaller(lowest(step), value))
  const highest = (step: number) => second?.[step] ?? Number.NaN
  const possible = columns.map((column) => ({
    ...column,
    present: column.present.map((has, step) => (has && !(highest(step) < lowest(step)) ? 1 : 0)),
  }))
  return mapColumns(possible, (value, step) => larger(lowest(step), smaller(highest(step), value)))
}

function timestamps(argument: Expr, columns: readonly Column[], frame: Frame): Column[] {
  if (argument.kind !== 'selector') {
    const moments = momentsInSeconds(frame)
    return mapColumns(columns, (_, step) => moments[step] ?? Number.NaN)
  }
  const selected = selectInstant(frame, argument, 'timestamp')
  return mergeBySteps(selected.map((column) => ({ ...column, labels: withoutName(column.labels) })))
}

/** Order has a meaning for a single step only. */
function sorted(columns: readonly Column[], largestFirst: boolean, { count }: Frame): Column[] {
  if (count > 1) return [...columns]
  const value = ({ values }: Column) => values[0] ?? Number.NaN
  return [...columns].sort((a, b) => compareForRank(value(a), value(b), largestFirst))
}

/** The value of the only series there is at a step, else NaN. */
function onlyValues(columns: readonly Column[], count: number): Float64Array {
  return new Float64Array(count).map((_, step) => {
    const having = columns.filter(({ present }) => present[step])
    return (having.length === 1 ? having[0]?.values[step] : undefined) ?? Number.NaN
  })
}

function momentsInSeconds({ startMs, stepMs, count }: Frame): Float64Array {
  return new Float64Array(count).map((_, step) => (startMs + step * stepMs) / 1000)
}

function constant(values: Float64Array): Column {
  return { labels: {}, values, present: new Uint8Array(values.length).fill(1) }
}

function scalarsOf(values: readonly Value[]): Float64Array[] {
  return values.flatMap((value) => (value.kind === 'scalar' ? [value.values] : []))
}

function vector(columns: readonly Column[]): Value {
  return { kind: 'vector', columns }
}
