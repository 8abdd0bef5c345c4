import type { Points, Window } from './windows.ts'

/*
 * Windows over a series overlap: from one step to the next most samples stay. So time is cut into stretches as long as the range, and a figure is run
 * over the samples of each stretch from both its ends (van Herk's algorithm, Gil and Werman's). A window meets exactly one cut after its start, and its
 * figure is that of two runs: backwards from the cut to its first sample, and forwards from the cut to its last. That is the same work for
 * however long a window. Nothing is ever taken out of a run again, which would keep the rounding of what has left and fail at infinities.
 *
 * The cuts lie at multiples of the range, whatever is asked: the same samples are always taken in the same order, so that a moment gives bit by
 * bit the same alone and within a span.
 */

/** A figure at every sample, of all from the end of its stretch to this one. */
export interface Runs<T> {
  /** From the last sample of the stretch back to this one. */
  back: T
  /** From the first sample of the stretch on to this one. */
  on: T
}

/** Makes both runs; `run` is to set its figure anew where a stretch `begins`. */
export function runsOver<T>({ timesMs }: Points, rangeMs: number, run: () => Run<T>): Runs<T> {
  const back = run()
  const on = run()
  const count = timesMs.length
  let stretch = Number.NaN
  for (let index = 0; index < count; index++) {
    const next = Math.floor((timesMs[index] ?? 0) / rangeMs)
    on.visit(index, next !== stretch)
    stretch = next
  }
  stretch = Number.NaN
  for (let index = count - 1; index >= 0; index--) {
    const next = Math.floor((timesMs[index] ?? 0) / rangeMs)
    back.visit(index, next !== stretch)
    stretch = next
  }
  return { back: back.figures, on: on.figures }
}

export interface Run<T> {
  figures: T
  visit(index: number, begins: boolean): void
}

/** Whether a window has samples before its cut, and since; never neither. */
export function sidesOf({ timesMs, from, to, endMs }: Window, rangeMs: number): { before: boolean; since: boolean } {
  const cut = Math.floor(endMs / rangeMs)
  return {
    before: Math.floor((timesMs[from] ?? 0) / rangeMs) < cut,
    since: Math.floor((timesMs[to - 1] ?? 0) / rangeMs) === cut,
  }
}
