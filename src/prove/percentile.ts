/**
 * Nearest-rank percentile: the smallest observation that at least `percent` of all observations do not exceed. No
 * interpolation, so that the figure is one that was really seen.
 * @param observations in any order, not empty.
 */
export function percentile(observations: readonly number[], percent: number): number {
  const sorted = [...observations].sort((a, b) => a - b)
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length))
  const value = sorted[rank - 1]
  if (value === undefined) throw new RangeError('a percentile of no observations')
  return value
}
