import { percentile } from '../../src/prove/percentile.ts'

/** A median of so many, and the interval that holds the true one in 95 of 100 such measurements. */
export interface Median {
  median: number
  from: number
  to: number
  count: number
}

/** By order statistics, which ask nothing of how the values are spread; the whole range where there are fewer than six. */
export function medianWithin(values: readonly number[]): Median {
  const sorted = values.toSorted((a, b) => a - b)
  const count = sorted.length
  const below = Math.max(0, Math.floor((count - 1.96 * Math.sqrt(count)) / 2))
  return {
    median: percentile(sorted, 50),
    from: sorted[below] ?? Number.NaN,
    to: sorted[count - 1 - below] ?? Number.NaN,
    count,
  }
}

export function describeShare({ median, from, to, count }: Median): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  return `${percent(median)} (median of ${count} rounds, true within ${percent(from)} to ${percent(to)})`
}
