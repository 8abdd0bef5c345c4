import type { SeriesSpan } from '../series.ts'
import type { SelectorExpr } from './ast.ts'
import type { Column } from './columns.ts'
import { type Frame, momentsOf } from './frame.ts'

/** How long a value speaks for its series when no newer one comes: Prometheus's default. */
export const lookbackMs = 300_000

/**
 * The values of an instant selector at every step: the last sample not older than the lookback (which is included), unless the series ended
 * after it. `figure` takes the moment of that sample, in seconds, instead of its value.
 */
export function selectInstant(frame: Frame, selector: SelectorExpr, figure: 'value' | 'timestamp' = 'value'): Column[] {
  const { firstMs, stepMs } = momentsOf(frame, selector)
  const { count } = frame
  const untilMs = firstMs + stepMs * (count - 1)
  const columns: Column[] = []
  for (const span of frame.source.select(selector.matchers, firstMs - lookbackMs - 1, untilMs)) {
    const values = new Float64Array(count)
    const present = new Uint8Array(count)
    if (fill(span, firstMs, stepMs, values, present, figure)) columns.push({ labels: span.labels, values, present })
  }
  return columns
}

function fill(
  { timesMs, values, endedAtMs }: SeriesSpan,
  firstMs: number,
  stepMs: number,
  into: Float64Array,
  present: Uint8Array,
  figure: 'value' | 'timestamp',
): boolean {
  let next = after(timesMs, firstMs)
  let nextEnd = after(endedAtMs, firstMs)
  let found = false
  for (let step = 0; step < into.length; step++) {
    const moment = firstMs + step * stepMs
    while (next < timesMs.length && (timesMs[next] ?? 0) <= moment) next++
    while (nextEnd < endedAtMs.length && (endedAtMs[nextEnd] ?? 0) <= moment) nextEnd++
    const time = timesMs[next - 1]
    if (time === undefined || time < moment - lookbackMs) continue
    const ended = endedAtMs[nextEnd - 1]
    if (ended !== undefined && ended > time) continue
    into[step] = figure === 'value' ? (values[next - 1] ?? Number.NaN) : time / 1000
    present[step] = 1
    found = true
  }
  return found
}

/** The first index whose entry is later than a moment; the array ascends. */
export function after(ascending: Float64Array, moment: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] ?? 0) <= moment) low = middle + 1
    else high = middle
  }
  return low
}
