import { add, zero } from './compensated.ts'
import { quantileOf } from './quantile.ts'
import type { Window, WindowFunction } from './windows.ts'

/* Aggregations along time. */

// Both carry what each addition rounds away (`compensated.ts`), in variables of their own: these loops run for every sample of every window.

const sum: WindowFunction = ({ values, from, to }) => {
  let sum = 0
  let lost = 0
  for (let index = from; index < to; index++) {
    const value = values[index] ?? Number.NaN
    const next = sum + value
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    sum = next
  }
  return Math.abs(sum) === Number.POSITIVE_INFINITY ? sum : sum + lost
}

const average: WindowFunction = ({ values, from, to }) => {
  let mean = 0
  let lost = 0
  for (let index = from; index < to; index++) {
    const value = values[index] ?? Number.NaN
    const seen = index - from + 1
    // An infinite mean stays as it is unless the other infinity or NaN comes.
    if (Math.abs(mean) === Number.POSITIVE_INFINITY && !Number.isNaN(value)) {
      if (Number.isFinite(value) || value > 0 === mean > 0) continue
    }
    const part = value / seen - mean / seen
    const next = mean + part
    lost += Math.abs(mean) >= Math.abs(part) ? mean - next + part : part - next + mean
    mean = next
  }
  return Math.abs(mean) === Number.POSITIVE_INFINITY ? mean : mean + lost
}

const extreme =
  (better: (value: number, best: number) => boolean): WindowFunction =>
  ({ values, from, to }) => {
    let best = values[from] ?? Number.NaN
    for (let index = from; index < to; index++) {
      const value = values[index] ?? Number.NaN
      if (better(value, best) || Number.isNaN(best)) best = value
    }
    return best
  }

function variance({ values, from, to }: Window): number {
  const mean = zero()
  const squares = zero()
  for (let index = from; index < to; index++) {
    const value = values[index] ?? Number.NaN
    const off = value - (mean.sum + mean.lost)
    add(mean, off / (index - from + 1))
    add(squares, off * (value - (mean.sum + mean.lost)))
  }
  return (squares.sum + squares.lost) / (to - from)
}

/** The `*_over_time` functions that take nothing but a range. */
export const overTime: Readonly<Record<string, WindowFunction>> = {
  sum_over_time: sum,
  avg_over_time: average,
  min_over_time: extreme((value, best) => value < best),
  max_over_time: extreme((value, best) => value > best),
  count_over_time: ({ from, to }) => to - from,
  present_over_time: () => 1,
  last_over_time: ({ values, to }) => values[to - 1],
  stdvar_over_time: variance,
  stddev_over_time: (window) => Math.sqrt(variance(window)),
}

export function quantileOverTime(qAt: (step: number) => number): WindowFunction {
  return ({ values, from, to, step }) => quantileOf(qAt(step), values.slice(from, to))
}
