import type { Matcher } from '../../check/promql/parse.ts'
import { acceptsAll } from '../promql/matchers.ts'
import { type Labels, seriesKey } from '../series.ts'

/** A series, with what is not yet in a chunk. */
export interface KnownSeries {
  id: number
  labels: Labels
  /** Newest moment of all; -Infinity before the first. */
  lastMs: number
  /** Samples after the last chunk, ascending. */
  timesMs: number[]
  values: number[]
  endedAtMs: number[]
}

/** Every series of a store in memory, found by number, labels or matchers. */
export interface SeriesIndex {
  add(id: number, labels: Labels, lastMs: number): KnownSeries
  remove(series: KnownSeries): void
  byId(id: number): KnownSeries | undefined
  byLabels(labels: Labels): KnownSeries | undefined
  matching(matchers: readonly Matcher[]): KnownSeries[]
  all(): Iterable<KnownSeries>
  size(): number
}

export function seriesIndex(): SeriesIndex {
  const ids = new Map<number, KnownSeries>()
  const keys = new Map<string, KnownSeries>()
  const names = new Map<string, Set<KnownSeries>>()
  // Who scrapes gives the same object of labels again and again; its key need not be made anew.
  const seen = new WeakMap<Labels, KnownSeries>()
  const nameOf = (labels: Labels) => labels['__name__'] ?? ''
  return {
    add: (id, labels, lastMs) => {
      const series = { id, labels, lastMs, timesMs: [], values: [], endedAtMs: [] }
      ids.set(id, series)
      keys.set(seriesKey(labels), series)
      const named = names.get(nameOf(labels))
      if (named) named.add(series)
      else names.set(nameOf(labels), new Set([series]))
      return series
    },
    remove: (series) => {
      ids.delete(series.id)
      keys.delete(seriesKey(series.labels))
      names.get(nameOf(series.labels))?.delete(series)
    },
    byId: (id) => ids.get(id),
    byLabels: (labels) => {
      const before = seen.get(labels)
      if (before && ids.get(before.id) === before) return before
      const found = keys.get(seriesKey(labels))
      if (found) seen.set(labels, found)
      return found
    },
    matching: (matchers) => {
      const name = matchers.find(({ label, op }) => label === '__name__' && op === '=')?.value
      const accepts = acceptsAll(matchers)
      const candidates = name === undefined ? ids.values() : (names.get(name) ?? [])
      return [...candidates].filter(({ labels }) => accepts(labels))
    },
    all: () => ids.values(),
    size: () => ids.size,
  }
}
