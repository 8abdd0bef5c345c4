import type { Matcher } from '../../check/promql/parse.ts'
import type { Labels, SeriesSource, SeriesSpan } from '../series.ts'
import { acceptsAll } from './matchers.ts'
import { after } from './select.ts'

/** Series in memory, found by the name of their metric where the matchers give it. */
export function memorySeries(spans: readonly SeriesSpan[]): SeriesSource {
  const byName = Map.groupBy(spans, ({ labels }) => labels['__name__'] ?? '')
  return {
    select: (matchers: readonly Matcher[], afterMs: number, untilMs: number) => {
      const name = matchers.find(({ label, op }) => label === '__name__' && op === '=')?.value
      const accepts = acceptsAll(matchers)
      const candidates = name === undefined ? spans : (byName.get(name) ?? [])
      return candidates.filter(({ labels }) => accepts(labels)).map((span) => cut(span, afterMs, untilMs))
    },
  }
}

function cut({ labels, timesMs, values, endedAtMs }: SeriesSpan, afterMs: number, untilMs: number): SeriesSpan {
  const from = after(timesMs, afterMs)
  const to = after(timesMs, untilMs)
  return {
    labels,
    timesMs: timesMs.subarray(from, to),
    values: values.subarray(from, to),
    endedAtMs: endedAtMs.subarray(after(endedAtMs, afterMs), after(endedAtMs, untilMs)),
  }
}

/** A series of values at a regular interval; undefined leaves a gap. */
export function everySeconds(
  labels: Labels,
  fromMs: number,
  seconds: number,
  values: readonly (number | undefined)[],
  endedAtMs: readonly number[] = [],
): SeriesSpan {
  const points = values.flatMap((value, index) =>
    value === undefined ? [] : [{ timeMs: fromMs + index * seconds * 1000, value }],
  )
  return {
    labels,
    timesMs: Float64Array.from(points, ({ timeMs }) => timeMs),
    values: Float64Array.from(points, ({ value }) => value),
    endedAtMs: Float64Array.from(endedAtMs),
  }
}
