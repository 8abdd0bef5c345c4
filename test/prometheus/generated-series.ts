import type { Random } from '../../src/random.ts'
import type { Labels, SeriesSpan } from '../../src/watch/series.ts'

/*
 * Series as they come from real systems: counters that begin anew, gauges with gaps and figures that are none, histograms, targets that vanish
 * and come back. Values are multiples of 1/64, so that their sums are exact in whatever order they are added; but for `rough`, which is for functions along
 * time alone.
 */

export const beginMs = 1_700_000_000_000
export const intervalMs = 15_000
const samples = 300
export const endMs = beginMs + samples * intervalMs

interface Shape {
  /** The value of each sample in turn; undefined for a sample that is missing. */
  next(index: number): number | undefined
  everyMs?: number
}

const dyadic = (random: Random, below: number) => random.int(below * 64) / 64

function counter(random: Random): Shape {
  let value = random.int(3) === 0 ? 0 : dyadic(random, 1000)
  const pace = 1 + random.int(40)
  const resets = random.int(2) === 0 ? 0 : 0.01
  return {
    next: () => {
      value = random.next() < resets ? dyadic(random, 5) : value + dyadic(random, pace)
      return value
    },
  }
}

function gauge(random: Random, range: number): Shape {
  let value = dyadic(random, range) - range / 2
  return {
    next: () => {
      value += dyadic(random, 8) - 4
      return value
    },
  }
}

/** Gauges of which some samples are not numbers, or infinite. */
function wild(random: Random): Shape {
  const inner = gauge(random, 20)
  return {
    next: (index) => {
      const draw = random.next()
      if (draw < 0.03) return Number.NaN
      if (draw < 0.04) return Number.POSITIVE_INFINITY
      if (draw < 0.05) return Number.NEGATIVE_INFINITY
      return inner.next(index)
    },
  }
}

/** Small whole numbers, which stay for a while: ties, and values that do not change. */
function small(random: Random): Shape {
  let value = random.int(4)
  return {
    next: () => {
      if (random.next() < 0.1) value = random.int(4)
      return value
    },
  }
}

/** What a sum along time rounds: decimals, parts that cancel each other, and sums above the largest number. */
function rough(random: Random, scale: number): Shape {
  return {
    next: () => {
      const small = (random.next() - 0.3) * 10
      return random.int(3) === 0 ? small : (random.int(5) - 2) * scale + small
    },
  }
}

/** Counts below rising bounds, cumulative as Prometheus keeps them; all buckets of one histogram draw alike. */
function buckets(random: Random, bounds: number): Shape[] {
  const counts = new Array<number>(bounds).fill(0)
  let at = -1
  return counts.map((_, bucket) => ({
    next: (index) => {
      if (index > at) {
        at = index
        const reached = random.int(bounds + 1)
        const more = random.int(5)
        for (let each = reached; each < bounds; each++) counts[each] = (counts[each] ?? 0) + more
      }
      return counts[bucket]
    },
  }))
}

function series(random: Random, labels: Labels, shape: Shape, missing: number): SeriesSpan {
  const everyMs = shape.everyMs ?? intervalMs
  const phaseMs = random.int(everyMs)
  const times: number[] = []
  const values: number[] = []
  const ends: number[] = []
  let awayUntil = 0
  for (let index = 0; beginMs + phaseMs + index * everyMs < endMs; index++) {
    const atMs = beginMs + phaseMs + index * everyMs + (random.int(4) === 0 ? random.int(400) - 200 : 0)
    const value = shape.next(index)
    if (index < awayUntil || value === undefined || random.next() < missing) continue
    if (random.next() < 0.004) {
      ends.push(atMs)
      awayUntil = index + 1 + random.int(60)
      continue
    }
    if (random.next() < 0.004) awayUntil = index + 10 + random.int(30)
    times.push(atMs)
    values.push(value)
  }
  return {
    labels,
    timesMs: Float64Array.from(times),
    values: Float64Array.from(values),
    endedAtMs: Float64Array.from(ends),
  }
}

export const bounds = ['0.1', '0.5', '1', '2.5', '+Inf']

/** The series of one seed. */
export function generatedSeries(random: Random): SeriesSpan[] {
  const made: SeriesSpan[] = []
  const add = (labels: Labels, shape: Shape, missing = 0.02) => made.push(series(random, labels, shape, missing))
  for (const job of ['api', 'web']) {
    for (const instance of ['a', 'b', 'c']) {
      for (const code of ['200', '404', '500'])
        add({ __name__: 'requests_total', job, instance, code }, counter(random))
      if (job === 'api' || instance !== 'c') add({ __name__: 'errors_total', job, instance }, counter(random), 0.1)
      add({ __name__: 'level', job, instance }, small(random))
      for (const version of ['1', '2']) {
        if (version === '1' || instance === 'a')
          add({ __name__: 'build_info', job, instance, version }, { next: () => 1 })
      }
    }
    add({ __name__: 'limit', job }, small(random))
    for (const [bucket, shape] of buckets(random, bounds.length).entries()) {
      add({ __name__: 'took_seconds_bucket', job, le: bounds[bucket] ?? '' }, shape)
    }
    add({ __name__: 'sparse', job }, { ...gauge(random, 50), everyMs: 200_000 + random.int(200_000) })
  }
  for (const room of ['x', 'y', 'z', '']) {
    const labels: Labels = room === '' ? { __name__: 'wild' } : { __name__: 'wild', room }
    add(labels, wild(random))
  }
  for (const room of ['x', 'y', 'z', 'u', 'v']) add({ __name__: 'pressure', room }, gauge(random, 100))
  for (const scale of [0, 1e3, 1e17, 8e307]) add({ __name__: 'rough', scale: String(scale) }, rough(random, scale))
  return made.filter(({ timesMs }) => timesMs.length > 0)
}
