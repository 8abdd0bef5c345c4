import type { Matcher } from '../../check/promql/parse.ts'
import { children, type Expr, type FixedTime } from './ast.ts'
import type { CompiledQuery } from './compile.ts'
import { metricName } from './label-sets.ts'
import { lookbackMs } from './select.ts'

/** What one selector of a query looks at, for those who explain a silence or make samples for it. */
export interface SelectorReach {
  /** Undefined where the name is a pattern or not given. */
  metric: string | undefined
  /** All matchers, that of the name included. */
  matchers: readonly Matcher[]
  /** The range of `[5m]`; undefined for an instant selector, which takes the last sample within the lookback. */
  rangeMs: number | undefined
  /** A sample counts if it is at most this old at the evaluation: range or lookback, with the subqueries around it. */
  oldestMs: number
  /** Nothing younger than this counts, because of offsets; below zero where an offset looks ahead. */
  youngestMs: number
  /** Set where `@` here or around it fixes the moment; ages then count from there. */
  at: FixedTime | undefined
}

/** Every selector of a query, in the order of its text, with how far back it reaches. */
export function reachOf({ expr }: CompiledQuery): SelectorReach[] {
  return reaches(expr, { oldestMs: 0, youngestMs: 0, at: undefined }, undefined)
}

/** How far back a query looks from the moment of its evaluation, over all its selectors; those fixed by `@` do not count. */
export function lookbackOf(query: CompiledQuery): number {
  return Math.max(0, ...reachOf(query).map(({ oldestMs, at }) => (at === undefined ? oldestMs : 0)))
}

interface Around {
  oldestMs: number
  youngestMs: number
  at: FixedTime | undefined
}

function reaches(expr: Expr, around: Around, rangeMs: number | undefined): SelectorReach[] {
  if (expr.kind === 'range') return reaches(expr.selector, around, expr.rangeMs)
  if (expr.kind === 'subquery') return reaches(expr.inner, within(around, expr, expr.rangeMs), undefined)
  if (expr.kind !== 'selector') return children(expr).flatMap((inner) => reaches(inner, around, undefined))
  const { matchers } = expr
  const metric = matchers.find(({ label, op }) => label === metricName && op === '=')?.value
  return [{ metric, matchers, rangeMs, ...within(around, expr, rangeMs ?? lookbackMs) }]
}

/** A moment that `@` fixes begins the count anew. */
function within(
  around: Around,
  { offsetMs = 0, at }: { offsetMs: number | undefined; at: FixedTime | undefined },
  reachMs: number,
): Around {
  const outer = at === undefined ? around : { oldestMs: 0, youngestMs: 0, at }
  return { oldestMs: outer.oldestMs + offsetMs + reachMs, youngestMs: outer.youngestMs + offsetMs, at: outer.at }
}
