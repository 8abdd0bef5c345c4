import type { Clock } from '../../../clock.ts'
import type { SeriesSource } from '../../series.ts'
import { type Reading, reading, type Target } from '../reading.ts'

/** Figures that are how fast another one grows, by some of its labels. */
const rates = [
  { name: 'http_requests_per_second', of: 'http_requests_total', by: ['endpoint'] },
  { name: 'db_queries_per_second', of: 'db_query_duration_seconds_count', by: [] },
] as const

const minuteMs = 60_000

/** How many requests and statements there were a second over the last minute, told from counters that were scraped. */
export function rateTarget(options: {
  source: SeriesSource
  everyMs: number
  timeoutMs: number
  instance: string
  clock: Clock
}): Target {
  const { source, everyMs, timeoutMs, instance, clock } = options
  return { job: 'rates', instance, everyMs, timeoutMs, own: true, read: async () => rateReadings(source, clock.now()) }
}

/** A counter that fell began anew: what it shows then counts whole. */
export function rateReadings(source: SeriesSource, nowMs: number): Reading[] {
  return rates.flatMap(({ name, of, by }) => {
    const sums = new Map<string, { labels: Record<string, string>; perSecond: number }>()
    for (const { labels, timesMs, values } of source.select(
      [{ label: '__name__', op: '=', value: of }],
      nowMs - minuteMs,
      nowMs,
    )) {
      const [firstMs] = timesMs
      const lastMs = timesMs.at(-1)
      if (firstMs === undefined || lastMs === undefined || firstMs === lastMs) continue
      let grown = 0
      for (let at = 1; at < values.length; at++) {
        const value = values[at] ?? 0
        const before = values[at - 1] ?? 0
        grown += value < before ? value : value - before
      }
      const kept = Object.fromEntries(
        by.flatMap((label) => (labels[label] === undefined ? [] : [[label, labels[label]]])),
      )
      const key = JSON.stringify(kept)
      const sum = sums.get(key) ?? { labels: kept, perSecond: 0 }
      sums.set(key, sum)
      sum.perSecond += grown / ((lastMs - firstMs) / 1000)
    }
    return [...sums.values()].map(({ labels, perSecond }) => reading(name, perSecond, labels))
  })
}
