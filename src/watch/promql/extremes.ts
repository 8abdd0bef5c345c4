import { type Run, runsOver, sidesOf } from './stretches.ts'
import type { SeriesFunction } from './windows.ts'

/* `min_over_time` and `max_over_time`: NaN only where there is nothing else. */

type Better = (value: number, best: number) => boolean

function extreme(better: Better): SeriesFunction {
  const choose = (best: number, value: number) => (better(value, best) || Number.isNaN(best) ? value : best)
  return (series, rangeMs) => {
    const { back, on } = runsOver(series, rangeMs, () => running(series.values, choose))
    return (window) => {
      const { before, since } = sidesOf(window, rangeMs)
      const first = before ? (back[window.from] ?? Number.NaN) : Number.NaN
      return since ? choose(first, on[window.to - 1] ?? Number.NaN) : first
    }
  }
}

function running(values: Float64Array, choose: (best: number, value: number) => number): Run<Float64Array> {
  const figures = new Float64Array(values.length)
  let best = Number.NaN
  return {
    figures,
    visit: (index, begins) => {
      const value = values[index] ?? Number.NaN
      best = begins ? value : choose(best, value)
      figures[index] = best
    },
  }
}

export const extremes: Readonly<Record<'min_over_time' | 'max_over_time', SeriesFunction>> = {
  min_over_time: extreme((value, best) => value < best),
  max_over_time: extreme((value, best) => value > best),
}
