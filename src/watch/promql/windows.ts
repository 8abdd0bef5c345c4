import type { Labels } from '../series.ts'
import type { Column } from './columns.ts'
import { distinct } from './columns.ts'
import type { Frame, Moments } from './frame.ts'
import { withoutName } from './label-sets.ts'
import { after } from './select.ts'

/* Range vectors: the samples of each series, and a window over them that slides from step to step. */

/** The samples of one series, oldest first. */
export interface Points {
  labels: Labels
  timesMs: Float64Array
  values: Float64Array
}

/** A range vector over all steps. The window of a step ends at its moment and holds both its edges. */
export interface Ranges {
  series: readonly Points[]
  moments: Moments
  rangeMs: number
}

/** What a function over a range sees at one step: entries `from` up to, not with, `to`. Never empty. */
export interface Window {
  timesMs: Float64Array
  values: Float64Array
  from: number
  to: number
  startMs: number
  endMs: number
  /** The moment of the evaluation, whatever offset the window has. */
  atMs: number
  step: number
}

/** A figure of a window, or nothing where it says too little. */
export type WindowFunction = (window: Window) => number | undefined

/** Makes what takes the figures of one series, its windows in turn: what they share is worked out once. */
export type SeriesFunction = (series: Points, rangeMs: number) => WindowFunction

/** A figure for which windows share nothing. */
export function eachAlone(figure: WindowFunction): SeriesFunction {
  return () => figure
}

/** One value a step and series; `keepName` is for functions that return a sample as it was. */
export function overWindows(frame: Frame, ranges: Ranges, figureOf: SeriesFunction, keepName = false): Column[] {
  const { count } = frame
  const columns = ranges.series.map((series) => {
    const { labels, timesMs, values } = series
    const figure = figureOf(series, ranges.rangeMs)
    const results = new Float64Array(count)
    const present = new Uint8Array(count)
    const window = { timesMs, values, from: 0, to: 0, startMs: 0, endMs: 0, atMs: 0, step: 0 }
    window.from = after(timesMs, ranges.moments.firstMs - ranges.rangeMs - 1)
    window.to = window.from
    for (let step = 0; step < count; step++) {
      slide(window, ranges, frame, step)
      if (window.from === window.to) continue
      const result = figure(window)
      if (result === undefined) continue
      results[step] = result
      present[step] = 1
    }
    return { labels: keepName ? labels : withoutName(labels), values: results, present }
  })
  return distinct(columns)
}

function slide(window: Window, { moments, rangeMs }: Ranges, frame: Frame, step: number): void {
  const { timesMs } = window
  window.step = step
  window.atMs = frame.startMs + step * frame.stepMs
  window.endMs = moments.firstMs + step * moments.stepMs
  window.startMs = window.endMs - rangeMs
  while (window.to < timesMs.length && (timesMs[window.to] ?? 0) <= window.endMs) window.to++
  while (window.from < window.to && (timesMs[window.from] ?? 0) < window.startMs) window.from++
}
