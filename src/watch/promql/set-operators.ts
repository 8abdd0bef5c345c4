import type { BinaryExpr } from './ast.ts'
import { type Column, mergeBySteps } from './columns.ts'
import { signatureOf } from './label-sets.ts'

/** `and`, `or` and `unless`: whole series are kept or left out, step by step, by what the other side has. */
export function combineSets(
  { op, matching }: BinaryExpr,
  left: readonly Column[],
  right: readonly Column[],
  count: number,
): Column[] {
  const sign = ({ labels }: Column) => signatureOf(labels, matching?.on ?? false, matching?.labels ?? [])
  if (op === 'or') return mergeBySteps([...left, ...where(right, presence(left, sign, count), sign, false)])
  return where(left, presence(right, sign, count), sign, op === 'and')
}

/** For each signature, the steps at which any series has it. */
function presence(
  columns: readonly Column[],
  sign: (column: Column) => string,
  count: number,
): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  for (const column of columns) {
    const signature = sign(column)
    const steps = found.get(signature) ?? new Uint8Array(count)
    found.set(signature, steps)
    for (let step = 0; step < count; step++) if (column.present[step]) steps[step] = 1
  }
  return found
}

/** The columns at those steps only at which the other side has their signature, or has it not. */
function where(
  columns: readonly Column[],
  others: ReadonlyMap<string, Uint8Array>,
  sign: (column: Column) => string,
  wanted: boolean,
): Column[] {
  return columns.flatMap((column) => {
    const other = others.get(sign(column))
    if (!other) return wanted ? [] : [column]
    const present = column.present.map((has, step) => (has && Boolean(other[step]) === wanted ? 1 : 0))
    return present.includes(1) ? [{ ...column, present }] : []
  })
}
