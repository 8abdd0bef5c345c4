import type { SeriesSource } from '../series.ts'
import type { Shift } from './ast.ts'

/** When and over what an expression is evaluated: `count` steps of `stepMs` from `startMs` on. */
export interface Frame {
  source: SeriesSource
  startMs: number
  stepMs: number
  count: number
  /** Ends of the whole query, which `@ start()` and `@ end()` mean in subqueries too. */
  queryStartMs: number
  queryEndMs: number
}

/** The moments a selector looks at, a step each; all the same where `@` fixes it, and then `stepMs` is 0. */
export interface Moments {
  firstMs: number
  stepMs: number
}

export function momentsOf(frame: Frame, { offsetMs = 0, at }: Shift): Moments {
  if (at === undefined) return { firstMs: frame.startMs - offsetMs, stepMs: frame.stepMs }
  const fixed = at === 'start' ? frame.queryStartMs : at === 'end' ? frame.queryEndMs : at
  return { firstMs: fixed - offsetMs, stepMs: 0 }
}
