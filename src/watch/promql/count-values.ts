import { groupsOf } from './aggregate.ts'
import type { AggregateExpr } from './ast.ts'
import { type Column, emptyColumn } from './columns.ts'
import { setting } from './label-sets.ts'

/** `count_values`: how many series of a group have each value; the value becomes a label. */
export function countValues(expr: AggregateExpr, columns: readonly Column[], label: string, steps: number): Column[] {
  const byValue = columns.flatMap((column) => splitByValue(column, label, steps))
  const labels = expr.without ? expr.labels : [...expr.labels, label]
  return groupsOf({ without: expr.without, labels }, byValue).map(({ labels: own, members }) => {
    const result = emptyColumn(own, steps)
    for (const { present } of members) {
      for (let step = 0; step < steps; step++) {
        if (!present[step]) continue
        result.values[step] = (result.values[step] ?? 0) + 1
        result.present[step] = 1
      }
    }
    return result
  })
}

function splitByValue(column: Column, label: string, steps: number): Column[] {
  const found = new Map<string, Column>()
  for (let step = 0; step < steps; step++) {
    if (!column.present[step]) continue
    const text = plainNumber(column.values[step] ?? Number.NaN)
    const part = found.get(text) ?? emptyColumn(setting(column.labels, label, text), steps)
    found.set(text, part)
    part.present[step] = 1
  }
  return [...found.values()]
}

/** A number with all its digits and no exponent, as Go's `%f` of least length writes it. */
export function plainNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (Object.is(value, -0)) return '-0'
  const [mantissa = '', exponent] = String(value).split('e')
  if (exponent === undefined) return mantissa
  const sign = mantissa.startsWith('-') ? '-' : ''
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const shift = Number(exponent)
  if (shift < 0) return `${sign}0.${'0'.repeat(-shift - 1)}${whole}${fraction}`
  return `${sign}${whole}${fraction}${'0'.repeat(shift - fraction.length)}`
}
