import type { DatabaseSync } from 'node:sqlite'
import type { Matcher } from '../../check/promql/parse.ts'
import type { SeriesSpan } from '../series.ts'
import { chunkReader, type Stretch } from './chunks.ts'
import type { KnownSeries, SeriesIndex } from './known-series.ts'

/**
 * The spans of every series that the matchers accept.
 * @param chunksUntilMs newest moment of any chunk: what lies after it is in memory, and the file is left alone.
 */
export function selectSpans(
  database: DatabaseSync,
  index: SeriesIndex,
  chunksUntilMs: number,
  matchers: readonly Matcher[],
  afterMs: number,
  untilMs: number,
): SeriesSpan[] {
  const readChunks = chunksUntilMs > afterMs ? chunkReader(database) : undefined
  return index.matching(matchers).flatMap((series) => {
    const stretches = readChunks?.(series.id, integerAfter(afterMs), Math.floor(Math.min(untilMs, latest))) ?? []
    const span = joined(series, stretches, afterMs, untilMs)
    return span.timesMs.length === 0 && span.endedAtMs.length === 0 ? [] : [span]
  })
}

const latest = Number.MAX_SAFE_INTEGER

/** SQLite compares whole numbers; an open end is the farthest of them. */
function integerAfter(afterMs: number): number {
  return Math.floor(Math.max(afterMs, -latest))
}

function joined(series: KnownSeries, stretches: readonly Stretch[], afterMs: number, untilMs: number): SeriesSpan {
  const parts = [...stretches, series]
    .map(({ timesMs, values }) => ({
      timesMs,
      values,
      from: firstAfter(timesMs, afterMs),
      to: firstAfter(timesMs, untilMs),
    }))
    .filter(({ from, to }) => from < to)
  const length = parts.reduce((sum, { from, to }) => sum + to - from, 0)
  const timesMs = new Float64Array(length)
  const values = new Float64Array(length)
  let at = 0
  for (const part of parts) {
    timesMs.set(cut(part.timesMs, part.from, part.to), at)
    values.set(cut(part.values, part.from, part.to), at)
    at += part.to - part.from
  }
  const ends = series.endedAtMs
  return {
    labels: series.labels,
    timesMs,
    values,
    endedAtMs: Float64Array.from(ends.slice(firstAfter(ends, afterMs), firstAfter(ends, untilMs))),
  }
}

function cut(numbers: number[] | Float64Array, from: number, to: number): ArrayLike<number> {
  return numbers instanceof Float64Array ? numbers.subarray(from, to) : numbers.slice(from, to)
}

/** Where in ascending moments the first after `ms` stands. */
function firstAfter(timesMs: ArrayLike<number>, ms: number): number {
  let low = 0
  let high = timesMs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((timesMs[middle] ?? Infinity) > ms) high = middle
    else low = middle + 1
  }
  return low
}
