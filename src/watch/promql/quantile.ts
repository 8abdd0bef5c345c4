/**
 * The q-quantile of values, interpolated between neighbours; NaN counts as the smallest. Beyond 0 and 1 it is infinite.
 * Sorts the array it is given.
 */
export function quantileOf(q: number, values: Float64Array): number {
  if (values.length === 0 || Number.isNaN(q)) return Number.NaN
  if (q < 0) return Number.NEGATIVE_INFINITY
  if (q > 1) return Number.POSITIVE_INFINITY
  // The sort of typed arrays, which needs no comparison of ours, puts NaN last.
  values.sort()
  let missing = 0
  while (missing < values.length && Number.isNaN(values[values.length - 1 - missing])) missing++
  const at = (place: number) => values[place - missing] ?? Number.NaN
  const rank = q * (values.length - 1)
  const lower = Math.floor(rank)
  const upper = Math.min(values.length - 1, lower + 1)
  const weight = rank - lower
  return at(lower) * (1 - weight) + at(upper) * weight
}
