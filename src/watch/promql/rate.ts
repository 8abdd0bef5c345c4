import type { Points, SeriesFunction, WindowFunction } from './windows.ts'

/* How much and how fast figures change. */

/**
 * `rate`, `increase` and `delta`: the change between the first and last sample, stretched to the edges of the window as far as the samples
 * make it likely that the series went on: to the edge if that is about one interval away, else half an interval; a counter
 * never below zero.
 */
export function extrapolated(counter: boolean, perSecond: boolean): SeriesFunction {
  return (series) => {
    const lost = counter ? lostToResets(series) : () => 0
    return ({ timesMs, values, from, to, startMs, endMs }) => {
      if (to - from < 2) return undefined
      const first = values[from] ?? Number.NaN
      const firstMs = timesMs[from] ?? 0
      const lastMs = timesMs[to - 1] ?? 0
      const change = (values[to - 1] ?? Number.NaN) - first + lost(from, to)
      const sampledS = (lastMs - firstMs) / 1000
      const intervalS = sampledS / (to - from - 1)
      let toStartS = (firstMs - startMs) / 1000
      const toEndS = (endMs - lastMs) / 1000
      if (counter && change > 0 && first >= 0) toStartS = Math.min(toStartS, sampledS * (first / change))
      const near = intervalS * 1.1
      const coveredS =
        sampledS + (toStartS < near ? toStartS : intervalS / 2) + (toEndS < near ? toEndS : intervalS / 2)
      const factor = coveredS / sampledS / (perSecond ? (endMs - startMs) / 1000 : 1)
      return change * factor
    }
  }
}

/** What a counter had counted, within a window, before each time it began anew. */
function lostToResets({ values }: Points): (from: number, to: number) => number {
  const places = placesWhere(values, isReset)
  return (from, to) => {
    let lost = 0
    for (let at = firstAfter(places, from); (places[at] ?? to) < to; at++) lost += values[(places[at] ?? 0) - 1] ?? 0
    return lost
  }
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
export const changes = countOf(
  (value, previous) => value !== previous && !(Number.isNaN(value) && Number.isNaN(previous)),
)

/** `resets`: how often the value is below the one before. */
export const resets = countOf(isReset)

type Step = (value: number, previous: number) => boolean

function isReset(value: number, previous: number): boolean {
  return value < previous
}

function countOf(step: Step): SeriesFunction {
  return ({ values }) => {
    const places = placesWhere(values, step)
    return ({ from, to }) => firstAfter(places, to - 1) - firstAfter(places, from)
  }
}

/** The indexes of the samples that stand so to the one before, ascending: most windows of a counter hold none. */
function placesWhere(values: Float64Array, step: Step): number[] {
  const places: number[] = []
  for (let index = 1; index < values.length; index++)
    if (step(values[index] ?? Number.NaN, values[index - 1] ?? Number.NaN)) places.push(index)
  return places
}

/** How many entries are not above a value, which is where the first above it stands. */
function firstAfter(ascending: readonly number[], value: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] ?? 0) <= value) low = middle + 1
    else high = middle
  }
  return low
}
