import { add, zero } from './compensated.ts'
import type { Window, WindowFunction } from './windows.ts'

/** `deriv`: the slope per second of the line that fits the samples best. */
export const deriv: WindowFunction = (window) => lineThrough(window, window.timesMs[window.from] ?? 0)?.slope

/** `predict_linear`: where that line will be some seconds after the moment of the evaluation. */
export function predictLinear(secondsAt: (step: number) => number): WindowFunction {
  return (window) => {
    const line = lineThrough(window, window.atMs)
    return line && line.slope * secondsAt(window.step) + line.intercept
  }
}

/** Least squares over the window, with time counted from a moment; undefined for a single sample. */
function lineThrough(
  { timesMs, values, from, to }: Window,
  originMs: number,
): { slope: number; intercept: number } | undefined {
  const count = to - from
  if (count < 2) return undefined
  const x = zero()
  const y = zero()
  const xy = zero()
  const xx = zero()
  const first = values[from] ?? Number.NaN
  let constant = true
  for (let index = from; index < to; index++) {
    const value = values[index] ?? Number.NaN
    const seconds = ((timesMs[index] ?? 0) - originMs) / 1000
    if (value !== first && index > from) constant = false
    add(x, seconds)
    add(y, value)
    add(xy, seconds * value)
    add(xx, seconds * seconds)
  }
  if (constant) {
    return Number.isFinite(first) || Number.isNaN(first)
      ? { slope: 0, intercept: first }
      : { slope: Number.NaN, intercept: Number.NaN }
  }
  const sumX = x.sum + x.lost
  const sumY = y.sum + y.lost
  const covariance = xy.sum + xy.lost - (sumX * sumY) / count
  const variance = xx.sum + xx.lost - (sumX * sumX) / count
  const slope = covariance / variance
  return { slope, intercept: sumY / count - (slope * sumX) / count }
}
