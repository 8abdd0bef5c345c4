import type { Window, WindowFunction } from './windows.ts'

/* How much and how fast figures change. */

/**
 * `rate`, `increase` and `delta`: the change between the first and last sample, stretched to the edges of the window as far as the samples
 * make it likely that the series went on: to the edge if that is about one interval away, else half an interval; a counter
 * never below zero.
 */
export function extrapolated(counter: boolean, perSecond: boolean): WindowFunction {
  return (window) => {
    const { timesMs, values, from, to, startMs, endMs } = window
    if (to - from < 2) return undefined
    const first = values[from] ?? Number.NaN
    const firstMs = timesMs[from] ?? 0
    const lastMs = timesMs[to - 1] ?? 0
    const change = (values[to - 1] ?? Number.NaN) - first + (counter ? lostToResets(window) : 0)
    const sampledS = (lastMs - firstMs) / 1000
    const intervalS = sampledS / (to - from - 1)
    let toStartS = (firstMs - startMs) / 1000
    const toEndS = (endMs - lastMs) / 1000
    if (counter && change > 0 && first >= 0) toStartS = Math.min(toStartS, sampledS * (first / change))
    const near = intervalS * 1.1
    const coveredS = sampledS + (toStartS < near ? toStartS : intervalS / 2) + (toEndS < near ? toEndS : intervalS / 2)
    const factor = coveredS / sampledS / (perSecond ? (endMs - startMs) / 1000 : 1)
    return change * factor
  }
}

/** What a counter had counted before each time it began anew. */
function lostToResets({ values, from, to }: Window): number {
  let lost = 0
  let previous = values[from] ?? Number.NaN
  for (let index = from; index < to; index++) {
    const value = values[index] ?? Number.NaN
    if (value < previous) lost += previous
    previous = value
  }
  return lost
}

/** `irate` and `idelta`: the change between the last two samples. */
export function instantChange(perSecond: boolean): WindowFunction {
  return ({ timesMs, values, from, to }) => {
    if (to - from < 2) return undefined
    const last = values[to - 1] ?? Number.NaN
    const previous = values[to - 2] ?? Number.NaN
    const tookMs = (timesMs[to - 1] ?? 0) - (timesMs[to - 2] ?? 0)
    if (tookMs === 0) return undefined
    if (!perSecond) return last - previous
    return (last < previous ? last : last - previous) / (tookMs / 1000)
  }
}

/** `changes`: how often the value differs from the one before. */
export const changes: WindowFunction = ({ values, from, to }) => {
  let found = 0
  for (let index = from + 1; index < to; index++) {
    const value = values[index] ?? Number.NaN
    const previous = values[index - 1] ?? Number.NaN
    if (value !== previous && !(Number.isNaN(value) && Number.isNaN(previous))) found++
  }
  return found
}

/** `resets`: how often the value is below the one before. */
export const resets: WindowFunction = ({ values, from, to }) => {
  let found = 0
  for (let index = from + 1; index < to; index++) if ((values[index] ?? 0) < (values[index - 1] ?? 0)) found++
  return found
}
