import { groupsOf } from './aggregate.ts'
import type { AggregateExpr } from './ast.ts'
import { type Column, cannotEvaluate, emptyColumn } from './columns.ts'
import { quantileOf } from './quantile.ts'

/* Aggregations that need all values of a group side by side. */

/** `topk` and `bottomk`: whole series, with their own labels, at the steps at which they are among the first `k`. */
export function ranked(expr: AggregateExpr, columns: readonly Column[], k: Float64Array): Column[] {
  const steps = k.length
  const places = k.map((value) => {
    if (!(Math.abs(value) <= 2 ** 63)) throw cannotEvaluate(`"${expr.op}" cannot count to ${value}.`)
    return Math.trunc(value)
  })
  return groupsOf(expr, columns).flatMap(({ members }) => {
    const kept = members.map(({ labels, values }) => ({ labels, values, present: new Uint8Array(steps) }))
    let order: number[] = []
    for (let step = 0; step < steps; step++) {
      order = inOrder(members, step, expr.op === 'topk').slice(0, Math.max(0, places[step] ?? 0))
      for (const index of order) {
        const column = kept[index]
        if (column) column.present[step] = 1
      }
    }
    // A single step keeps the order of rank, as people read it.
    const inRank = steps === 1 ? order.flatMap((index) => kept[index] ?? []) : kept
    return inRank.filter(({ present }) => present.includes(1))
  })
}

/** Indices of the members with a value, best first; NaN is last, equals stay as they come. */
function inOrder(members: readonly Column[], step: number, largestFirst: boolean): number[] {
  const found = members.flatMap(({ present }, index) => (present[step] ? [index] : []))
  const valueAt = (index: number) => members[index]?.values[step] ?? Number.NaN
  return found.sort((a, b) => compareForRank(valueAt(a), valueAt(b), largestFirst))
}

/** Orders two values; NaN comes last whatever the direction. */
export function compareForRank(a: number, b: number, largestFirst: boolean): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  if (a === b) return 0
  return a < b === largestFirst ? 1 : -1
}

/** The quantile of each group at each step. */
export function quantiles(expr: AggregateExpr, columns: readonly Column[], q: Float64Array): Column[] {
  return groupsOf(expr, columns).map(({ labels, members }) => {
    const result = emptyColumn(labels, q.length)
    for (let step = 0; step < q.length; step++) {
      const values = members.flatMap((member) => (member.present[step] ? [member.values[step] ?? Number.NaN] : []))
      if (values.length === 0) continue
      result.values[step] = quantileOf(q[step] ?? Number.NaN, Float64Array.from(values))
      result.present[step] = 1
    }
    return result
  })
}
