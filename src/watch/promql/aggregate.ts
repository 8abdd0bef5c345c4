import type { Labels } from '../series.ts'
import type { AggregateExpr } from './ast.ts'
import { type Column, emptyColumn } from './columns.ts'
import { keeping, keyOf, metricName, omitting } from './label-sets.ts'

/* Aggregations that take the values of a group one by one. */

/** The series of one group, and the labels of what they come to. */
export interface Group {
  labels: Labels
  members: Column[]
}

export function groupsOf(
  { without, labels }: Pick<AggregateExpr, 'without' | 'labels'>,
  columns: readonly Column[],
): Group[] {
  const groups = new Map<string, Group>()
  for (const column of columns) {
    const kept = without ? omitting(column.labels, [...labels, metricName]) : keeping(column.labels, labels)
    const key = keyOf(kept)
    const group = groups.get(key)
    if (group) group.members.push(column)
    else groups.set(key, { labels: kept, members: [column] })
  }
  return [...groups.values()]
}

/** State over the steps of a group: `first` meets a step's first value, `next` each further one, `end` what it comes to. */
interface Fold {
  first(value: number, step: number): void
  next(value: number, step: number): void
  end?(step: number): number
}

type Start = (totals: Float64Array) => Fold

const sum: Start = (totals) => ({
  first: (value, step) => {
    totals[step] = value
  },
  next: (value, step) => {
    totals[step] = (totals[step] ?? 0) + value
  },
})

/** The largest or smallest; NaN gives way to anything. */
const extreme =
  (better: (value: number, best: number) => boolean): Start =>
  (totals) => ({
    first: (value, step) => {
      totals[step] = value
    },
    next: (value, step) => {
      const best = totals[step] ?? Number.NaN
      if (better(value, best) || Number.isNaN(best)) totals[step] = value
    },
  })

const count: Start = (totals) => ({
  first: (_, step) => {
    totals[step] = 1
  },
  next: (_, step) => {
    totals[step] = (totals[step] ?? 0) + 1
  },
})

const group: Start = (totals) => ({
  first: (_, step) => {
    totals[step] = 1
  },
  next: () => {},
})

/** The mean, moved by each value, so that large values do not overflow a sum. */
const average: Start = (means) => {
  const counts = new Float64Array(means.length)
  return {
    first: (value, step) => {
      means[step] = value
      counts[step] = 1
    },
    next: (value, step) => {
      const mean = means[step] ?? 0
      const seen = (counts[step] ?? 0) + 1
      counts[step] = seen
      // An infinite mean stays as it is unless the other infinity or NaN comes.
      if (Math.abs(mean) === Number.POSITIVE_INFINITY && !Number.isNaN(value)) {
        if (Number.isFinite(value) || value > 0 === mean > 0) return
      }
      means[step] = mean + (value / seen - mean / seen)
    },
  }
}

/** Welford's variance. A group of one varies by 0, even where its only value is not a number. */
const variance =
  (of: (variance: number) => number): Start =>
  (totals) => {
    const counts = new Float64Array(totals.length)
    const means = new Float64Array(totals.length)
    return {
      first: (value, step) => {
        counts[step] = 1
        means[step] = value
      },
      next: (value, step) => {
        const seen = (counts[step] ?? 0) + 1
        const before = means[step] ?? 0
        const mean = before + (value - before) / seen
        counts[step] = seen
        means[step] = mean
        totals[step] = (totals[step] ?? 0) + (value - before) * (value - mean)
      },
      end: (step) => of((totals[step] ?? 0) / (counts[step] ?? 1)),
    }
  }

const folds: Readonly<Record<string, Start>> = {
  sum,
  avg: average,
  count,
  group,
  min: extreme((value, best) => value < best),
  max: extreme((value, best) => value > best),
  stddev: variance(Math.sqrt),
  stdvar: variance((value) => value),
}

/** One column a group, for the aggregations without a parameter; undefined for the others. */
export function fold(expr: AggregateExpr, columns: readonly Column[], steps: number): Column[] | undefined {
  const start = folds[expr.op]
  return start && groupsOf(expr, columns).map((one) => foldGroup(start, one, steps))
}

function foldGroup(start: Start, { labels, members }: Group, steps: number): Column {
  const result = emptyColumn(labels, steps)
  const { values: totals, present } = result
  const state = start(totals)
  for (const member of members) {
    for (let step = 0; step < steps; step++) {
      if (!member.present[step]) continue
      const value = member.values[step] ?? Number.NaN
      if (present[step]) state.next(value, step)
      else {
        present[step] = 1
        state.first(value, step)
      }
    }
  }
  if (state.end) for (let step = 0; step < steps; step++) if (present[step]) totals[step] = state.end(step)
  return result
}
