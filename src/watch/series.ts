import type { Matcher } from '../check/promql/parse.ts'

/*
 * What the parts of `watch` hand to each other: scraped figures go into a store, queries read them from it, and both speak of
 * series as Prometheus does. Times are milliseconds since the epoch throughout; PromQL's own seconds begin and end in `promql/`.
 */

/** What tells one series from another; `__name__` holds the name of the metric. A label without a value is not there. */
export type Labels = Readonly<Record<string, string>>

/** One figure at one moment. */
export interface Sample {
  labels: Labels
  atMs: number
  value: number
}

/**
 * What is known of one series over a span, oldest first; both arrays are equally long. `endedAtMs` are the moments, ascending, at which the
 * series was found to be gone (its target no longer names it, or did not answer): from then on an earlier value says nothing,
 * whatever the lookback. Prometheus keeps the same as a stale marker among the values.
 */
export interface SeriesSpan {
  labels: Labels
  timesMs: Float64Array
  values: Float64Array
  endedAtMs: Float64Array
}

/** Where queries find their series. */
export interface SeriesSource {
  /**
   * Every series that all matchers accept and that has anything to say after `afterMs` up to and with `untilMs`, in no certain order. A matcher
   * treats a label that is missing as empty, and its pattern is held against the whole value.
   */
  select(matchers: readonly Matcher[], afterMs: number, untilMs: number): Iterable<SeriesSpan>
}

/** Where figures go. Samples of a series come in the order of their moments; an older one than the last is refused and counted. */
export interface SampleSink {
  append(samples: readonly Sample[]): void
  /** Tells that these series are gone since a moment. */
  end(series: readonly Labels[], atMs: number): void
}

/** One text for one set of labels, whatever their order. */
export function seriesKey(labels: Labels): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${JSON.stringify(labels[name])}`)
    .join(',')
}
