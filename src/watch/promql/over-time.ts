import { add, zero } from './compensated.ts'
import { extremes } from './extremes.ts'
import { quantileOf } from './quantile.ts'
import { overTotals } from './totals.ts'
import { eachAlone, type SeriesFunction, type Window } from './windows.ts'

/* Aggregations along time. */

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
export const overTime: Readonly<Record<string, SeriesFunction>> = {
  ...overTotals,
  ...extremes,
  count_over_time: eachAlone(({ from, to }) => to - from),
  present_over_time: eachAlone(() => 1),
  last_over_time: eachAlone(({ values, to }) => values[to - 1]),
  stdvar_over_time: eachAlone(variance),
  stddev_over_time: eachAlone((window) => Math.sqrt(variance(window))),
}

export function quantileOverTime(qAt: (step: number) => number): SeriesFunction {
  return eachAlone(({ values, from, to, step }) => quantileOf(qAt(step), values.slice(from, to)))
}
