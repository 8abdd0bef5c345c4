import type { Labels } from '../series.ts'
import type { Expr } from './ast.ts'
import { anyPresent, type Column } from './columns.ts'
import { metricName } from './label-sets.ts'

/** `absent` and `absent_over_time`: 1 at the steps at which nothing has a value, with the labels that the selector asked for. */
export function absence(argument: Expr, columns: readonly Column[], count: number): Column[] {
  const present = anyPresent(columns, count).map((has) => (has ? 0 : 1))
  if (!present.includes(1)) return []
  return [{ labels: askedFor(argument), values: new Float64Array(count).fill(1), present }]
}

/** Labels whose value the selector fixes; one that it names twice is in doubt and left out. */
function askedFor(argument: Expr): Labels {
  const selector = argument.kind === 'range' ? argument.selector : argument
  if (selector.kind !== 'selector') return {}
  const fixed = new Map<string, string>()
  const named = new Set<string>()
  for (const { label, op, value } of selector.matchers) {
    if (label === metricName) continue
    if (op === '=' && !named.has(label)) {
      named.add(label)
      if (value !== '') fixed.set(label, value)
    } else fixed.delete(label)
  }
  return Object.fromEntries(fixed)
}
