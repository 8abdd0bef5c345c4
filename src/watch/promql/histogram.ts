import type { Labels } from '../series.ts'
import { type Column, emptyColumn } from './columns.ts'
import { keyOf, metricName, omitting } from './label-sets.ts'

/* Quantiles of classic histograms: cumulative counts in series that differ in their label `le`. */

interface Bucket {
  upperBound: number
  count: number
}

/** `histogram_quantile`; `q` has a value a step. Series without a readable `le` do not count. */
export function histogramQuantile(q: Float64Array, columns: readonly Column[]): Column[] {
  const groups = new Map<string, { labels: Labels; members: { upperBound: number; column: Column }[] }>()
  for (const column of columns) {
    const upperBound = boundOf(column.labels['le'] ?? '')
    if (upperBound === undefined) continue
    const labels = omitting(column.labels, ['le', metricName])
    const key = keyOf(labels)
    const group = groups.get(key) ?? { labels, members: [] }
    groups.set(key, group)
    group.members.push({ upperBound, column })
  }
  return [...groups.values()].map(({ labels, members }) => {
    members.sort((a, b) => (a.upperBound < b.upperBound ? -1 : a.upperBound > b.upperBound ? 1 : 0))
    const result = emptyColumn(labels, q.length)
    for (let step = 0; step < q.length; step++) {
      const buckets = members.flatMap(({ upperBound, column }) =>
        column.present[step] ? [{ upperBound, count: column.values[step] ?? Number.NaN }] : [],
      )
      if (buckets.length === 0) continue
      result.values[step] = quantileOfBuckets(q[step] ?? Number.NaN, buckets)
      result.present[step] = 1
    }
    return result
  })
}

/** The bound an `le` names, written as Go reads numbers. */
function boundOf(le: string): number | undefined {
  const infinite = /^([+-]?)inf(inity)?$/i.exec(le)
  if (infinite) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^[+-]?nan$/i.test(le)) return Number.NaN
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(le) ? Number(le) : undefined
}

/** Expects the buckets in the order of their bounds. */
function quantileOfBuckets(q: number, unmerged: readonly Bucket[]): number {
  if (Number.isNaN(q)) return Number.NaN
  if (q < 0) return Number.NEGATIVE_INFINITY
  if (q > 1) return Number.POSITIVE_INFINITY
  if (unmerged.at(-1)?.upperBound !== Number.POSITIVE_INFINITY) return Number.NaN
  const buckets = rising(merged(unmerged))
  const observed = buckets.at(-1)?.count ?? 0
  if (buckets.length < 2 || observed === 0) return Number.NaN
  const rank = q * observed
  const last = buckets.length - 1
  const reached = buckets.slice(0, last).findIndex(({ count }) => count >= rank)
  const index = reached === -1 ? last : reached
  const bucket = buckets[index]
  const before = buckets[index - 1]
  if (!bucket) return Number.NaN
  if (index === last) return before?.upperBound ?? Number.NaN
  if (!before && bucket.upperBound <= 0) return bucket.upperBound
  const start = before?.upperBound ?? 0
  const below = before?.count ?? 0
  return start + (bucket.upperBound - start) * ((rank - below) / (bucket.count - below))
}

/** Buckets of the same bound, written differently, count together. */
function merged(buckets: readonly Bucket[]): Bucket[] {
  const result: Bucket[] = []
  for (const { upperBound, count } of buckets) {
    const last = result.at(-1)
    if (last?.upperBound === upperBound) last.count += count
    else result.push({ upperBound, count })
  }
  return result
}

/** A cumulative count never falls; where scrapes caught buckets at different moments it may seem to. */
function rising(buckets: Bucket[]): Bucket[] {
  let largest = buckets[0]?.count ?? 0
  for (const bucket of buckets) {
    if (bucket.count > largest) largest = bucket.count
    else if (bucket.count < largest) bucket.count = largest
  }
  return buckets
}
