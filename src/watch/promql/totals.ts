import { add } from './compensated.ts'
import { type Run, runsOver, sidesOf } from './stretches.ts'
import type { SeriesFunction, Window } from './windows.ts'

/* `sum_over_time` and `avg_over_time`. */

/** Running totals: compensated sums (`compensated.ts`), and the sums of what the values are without their signs. */
interface Totals {
  sums: Float64Array
  lost: Float64Array
  sizes: Float64Array
}

/** Above it a sum may pass the largest number in one order and not in another. */
const huge = 1e300
/** A total so much smaller than what it is made of is made of rounding, which the order decides. */
const cancelled = 1e-6

/** What the total comes to; where that depends on the order of the samples, as Prometheus does it, one after the other. */
function overTotal(
  figure: (sum: number, count: number) => number,
  inOrder: (window: Window) => number,
): SeriesFunction {
  return (series, rangeMs) => {
    const { back, on } = runsOver(series, rangeMs, () => running(series.values))
    return (window) => {
      const { before, since } = sidesOf(window, rangeMs)
      const total = { sum: 0, lost: 0 }
      let size = 0
      if (before) size += include(total, back, window.from)
      if (since) size += include(total, on, window.to - 1)
      // Of sizes, none of which is negative, only NaN makes NaN.
      if (Number.isNaN(size)) return Number.NaN
      if (size > huge || Math.abs(total.sum) < size * cancelled) return inOrder(window)
      return figure(total.sum + total.lost, window.to - window.from)
    }
  }
}

/** Adds the total at a sample, and tells its size. */
function include(to: { sum: number; lost: number }, { sums, lost, sizes }: Totals, index: number): number {
  add(to, sums[index] ?? Number.NaN)
  to.lost += lost[index] ?? Number.NaN
  return sizes[index] ?? Number.NaN
}

function running(values: Float64Array): Run<Totals> {
  const sums = new Float64Array(values.length)
  const lost = new Float64Array(values.length)
  const sizes = new Float64Array(values.length)
  let total = { sum: 0, lost: 0 }
  let size = 0
  return {
    figures: { sums, lost, sizes },
    visit: (index, begins) => {
      const value = values[index] ?? Number.NaN
      if (begins) {
        total = { sum: 0, lost: 0 }
        size = 0
      }
      add(total, value)
      size += Math.abs(value)
      sums[index] = total.sum
      lost[index] = total.lost
      sizes[index] = size
    },
  }
}

function sumInOrder({ values, from, to }: Window): number {
  const total = { sum: 0, lost: 0 }
  for (let index = from; index < to; index++) add(total, values[index] ?? Number.NaN)
  return Math.abs(total.sum) === Number.POSITIVE_INFINITY ? total.sum : total.sum + total.lost
}

function meanInOrder({ values, from, to }: Window): number {
  const mean = { sum: 0, lost: 0 }
  for (let index = from; index < to; index++) {
    const value = values[index] ?? Number.NaN
    // An infinite mean stays as it is unless the other infinity or NaN comes.
    if (Math.abs(mean.sum) === Number.POSITIVE_INFINITY && !Number.isNaN(value)) {
      if (Number.isFinite(value) || value > 0 === mean.sum > 0) continue
    }
    const seen = index - from + 1
    add(mean, value / seen - mean.sum / seen)
  }
  return Math.abs(mean.sum) === Number.POSITIVE_INFINITY ? mean.sum : mean.sum + mean.lost
}

export const overTotals: Readonly<Record<'sum_over_time' | 'avg_over_time', SeriesFunction>> = {
  sum_over_time: overTotal((sum) => sum, sumInOrder),
  avg_over_time: overTotal((sum, count) => sum / count, meanInOrder),
}
