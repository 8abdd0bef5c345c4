import { type Random, seededRandom } from '../../random.ts'
import type { Labels, Sample } from '../series.ts'

/*
 * Figures as a service emits them, one round a scrape: counters of which some stand still, buckets and sums of histograms, gauges
 * of whole numbers, of shares with every digit, and of ages.
 */

/** Makes the samples of one round after another; the same seed, the same figures. */
export function realisticRounds(seed: number, count: number): (atMs: number) => Sample[] {
  const random = seededRandom(seed)
  const series = Array.from({ length: count }, (_, index) => {
    const labels = { __name__: `figure_${index % 50}`, job: 'api', instance: `host-${index % 7}`, index: String(index) }
    return { labels, next: kinds[index % kinds.length]?.(random) ?? (() => 0) } satisfies {
      labels: Labels
      next: (atMs: number) => number
    }
  })
  return (atMs) => series.map(({ labels, next }) => ({ labels, atMs, value: next(atMs) }))
}

type Kind = (random: Random) => (atMs: number) => number

const counter =
  (most: number, restRatio: number): Kind =>
  (random) => {
    let value = 0
    return () => {
      if (random.next() >= restRatio) value += random.int(most)
      return value
    }
  }
const sumOfSeconds: Kind = (random) => {
  let value = 0
  return () => {
    for (let each = random.int(20); each > 0; each--) value += random.next() ** 3
    return value
  }
}
const level: Kind = (random) => {
  let value = 20
  return () => {
    value = Math.max(0, value + random.int(5) - 2)
    return value
  }
}
const bytes: Kind = (random) => () => 150_000_000 + 4096 * random.int(20_000)
const share: Kind = (random) => () => random.next()
const age: Kind = () => (atMs) => Math.floor((atMs % 3_600_000) / 1000)
const constant: Kind = () => () => 1

const kinds: readonly Kind[] = [
  counter(40, 0.1),
  counter(3, 0.6),
  counter(2, 0.95),
  counter(500, 0),
  counter(20, 0.5),
  sumOfSeconds,
  level,
  bytes,
  share,
  age,
  constant,
  constant,
]
