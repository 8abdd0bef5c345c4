import { arithmeticOf, comparisonOf, type Pairing } from './arithmetic.ts'
import { type BinaryExpr, dropsMetricName, isComparison, isSetOperator } from './ast.ts'
import { type Column, mergeBySteps, sameName } from './columns.ts'
import { withoutName } from './label-sets.ts'
import { matchVectors } from './matching.ts'
import { combineSets } from './set-operators.ts'
import type { Value } from './value.ts'

function pairingOf({ op, bool }: BinaryExpr): Pairing {
  const reckon = arithmeticOf(op)
  if (reckon) return reckon
  const holds = comparisonOf(op)
  if (!holds) throw new RangeError(`"${op}" pairs no values.`)
  if (bool) return (left, right) => (holds(left, right) ? 1 : 0)
  return (left, right) => (holds(left, right) ? left : undefined)
}

/** An operator over two sides that are scalars or vectors. */
export function evaluateBinary(expr: BinaryExpr, left: Value, right: Value, count: number): Value {
  if (left.kind === 'vector' && right.kind === 'vector') {
    const columns = isSetOperator(expr.op)
      ? combineSets(expr, left.columns, right.columns, count)
      : matchVectors(expr, pairingOf(expr), left.columns, right.columns, count)
    return { kind: 'vector', columns }
  }
  const pairing = pairingOf(expr)
  if (left.kind === 'scalar' && right.kind === 'scalar') {
    return { kind: 'scalar', values: left.values.map((value, step) => pairing(value, right.values[step] ?? 0) ?? 0) }
  }
  if (left.kind === 'vector' && right.kind === 'scalar') {
    const other = right.values
    return {
      kind: 'vector',
      columns: withScalar(expr, left.columns, (value, step) => pairing(value, other[step] ?? 0)),
    }
  }
  if (left.kind === 'scalar' && right.kind === 'vector') {
    const other = left.values
    const filters = isComparison(expr.op) && !expr.bool
    const change = (value: number, step: number) => {
      const result = pairing(other[step] ?? 0, value)
      // A comparison returns the value of the series, on whichever side it stands.
      return filters && result !== undefined ? value : result
    }
    return { kind: 'vector', columns: withScalar(expr, right.columns, change) }
  }
  throw new RangeError(`"${expr.op}" takes scalars and vectors only.`)
}

function withScalar(
  { op, bool }: BinaryExpr,
  columns: readonly Column[],
  change: (value: number, step: number) => number | undefined,
): Column[] {
  const dropsName = dropsMetricName(op, bool)
  const changed = columns.map((column) => {
    const values = new Float64Array(column.values.length)
    const present = new Uint8Array(values.length)
    for (let step = 0; step < values.length; step++) {
      if (!column.present[step]) continue
      const result = change(column.values[step] ?? Number.NaN, step)
      if (result === undefined) continue
      values[step] = result
      present[step] = 1
    }
    return { labels: dropsName ? withoutName(column.labels) : column.labels, values, present }
  })
  return dropsName && !sameName(columns) ? mergeBySteps(changed) : changed
}
