import type { MetricValueWithName } from 'prom-client'
import type { Series } from './series.ts'

/** What one series of a histogram has seen. */
export interface Seen {
  /** How many lie up to each bound and above the one before. */
  within: number[]
  sum: number
  count: number
}

/** Bounds in seconds, where a plan names none. */
export const usualBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export function nothingSeen(bounds: readonly number[]): Seen {
  return { within: bounds.map(() => 0), sum: 0, count: 0 }
}

/** @throws TypeError for what is no finite number, which would spoil the sum for ever */
export function see(seen: Seen, bounds: readonly number[], value: number): void {
  if (!Number.isFinite(value)) throw new TypeError('An observation must be a finite number')
  seen.sum += value
  seen.count++
  for (let place = 0; place < bounds.length; place++) {
    if (value <= (bounds[place] ?? 0)) {
      seen.within[place] = (seen.within[place] ?? 0) + 1
      return
    }
  }
}

/** What a histogram tells in Prometheus's form: of each series how many lie up to each bound, their sum and their count. */
export function toldOf(name: string, bounds: readonly number[], series: Series<Seen>): MetricValueWithName<string>[] {
  return series.all().flatMap(({ labels, cell: { within, sum, count } }) => {
    let reached = 0
    return [
      ...bounds.map((bound, place) => {
        reached += within[place] ?? 0
        return { labels: { le: bound, ...labels }, value: reached, metricName: `${name}_bucket` }
      }),
      { labels: { le: '+Inf', ...labels }, value: count, metricName: `${name}_bucket` },
      { labels, value: sum, metricName: `${name}_sum` },
      { labels, value: count, metricName: `${name}_count` },
    ]
  })
}
