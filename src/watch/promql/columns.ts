import { failure } from '../../errors.ts'
import type { Labels } from '../series.ts'
import { keyOf, metricName, withoutName } from './label-sets.ts'

/*
 * A vector over all steps of an evaluation at once: a column a series, a row a step. `present` tells where it has a value, since every
 * number, NaN too, is a value. An instant query has one step.
 */

export interface Column {
  labels: Labels
  values: Float64Array
  present: Uint8Array
}

export function emptyColumn(labels: Labels, count: number): Column {
  return { labels, values: new Float64Array(count), present: new Uint8Array(count) }
}

/** What Prometheus refuses while it evaluates: the query is well formed, the series do not allow it. */
export function cannotEvaluate(problem: string): Error {
  return failure('QUERY_FAILED', { problem })
}

/** Applies a function to every value and drops the names of the metrics. */
export function mapColumns(columns: readonly Column[], change: (value: number, step: number) => number): Column[] {
  const changed = columns.map((column) => {
    const { values, present } = column
    const result = new Float64Array(values.length)
    for (let step = 0; step < result.length; step++) {
      if (present[step]) result[step] = change(values[step] ?? Number.NaN, step)
    }
    return { labels: withoutName(column.labels), values: result, present }
  })
  return sameName(columns) ? changed : mergeBySteps(changed)
}

/** Whether dropping the name cannot make two of them alike, which spares looking for it. */
export function sameName(columns: readonly Column[]): boolean {
  const name = columns[0]?.labels[metricName]
  return columns.every((column) => column.labels[metricName] === name)
}

/** Joins columns of equal labels, which may take turns but never both have a value in one step. */
export function mergeBySteps(columns: readonly Column[]): Column[] {
  const merged = new Map<string, Column>()
  for (const column of columns) {
    const key = keyOf(column.labels)
    const first = merged.get(key)
    merged.set(key, first ? joined(first, column) : column)
  }
  return [...merged.values()]
}

function joined(a: Column, b: Column): Column {
  const values = a.values.slice()
  const present = a.present.slice()
  for (let step = 0; step < values.length; step++) {
    if (!b.present[step]) continue
    if (present[step]) throw cannotEvaluate('Two series of the result have the same labels.')
    values[step] = b.values[step] ?? Number.NaN
    present[step] = 1
  }
  return { labels: a.labels, values, present }
}

/** Drops what has no value at any step, and refuses equal labels even where they take turns. */
export function distinct(columns: readonly Column[]): Column[] {
  const filled = columns.filter(({ present }) => present.includes(1))
  const keys = new Set(filled.map(({ labels }) => keyOf(labels)))
  if (keys.size !== filled.length) throw cannotEvaluate('Two series of the result have the same labels.')
  return filled
}

/** Where any of the columns has a value. */
export function anyPresent(columns: readonly Column[], count: number): Uint8Array {
  const any = new Uint8Array(count)
  for (const { present } of columns) for (let step = 0; step < count; step++) if (present[step]) any[step] = 1
  return any
}
