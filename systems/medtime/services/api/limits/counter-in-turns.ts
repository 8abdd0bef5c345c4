import { type Bucket, type Counter, slicesOfWindow, type Taken } from './counter.ts'
import type { Granted, Tally, Wanted } from './tally.ts'

interface Waiting {
  buckets: readonly Bucket[]
  now: number
  resolve(taken: Taken): void
  reject(reason: unknown): void
}

/**
 * Counts in turns: while one call is on its way, requests gather for the next. What a call costs is shared by all it carries,
 * and a bucket that many of them count to is written once.
 * @param tally shared by all instances
 */
export function counterInTurns(tally: Tally): Counter {
  let waiting: Waiting[] = []
  let running = false

  const begin = () => {
    if (running || waiting.length === 0) return
    running = true
    // Those that arrived together go together.
    setImmediate(turn)
  }
  const turn = () => {
    const gathered = waiting
    waiting = []
    void serve(tally, gathered).finally(() => {
      running = false
      begin()
    })
  }
  return {
    take: (buckets, now) =>
      new Promise((resolve, reject) => {
        waiting.push({ buckets, now, resolve, reject })
        begin()
      }),
  }
}

async function serve(tally: Tally, gathered: readonly Waiting[]): Promise<void> {
  const wanted = new Map<string, Wanted>()
  for (const { buckets, now } of gathered) {
    for (const { key, allowed, windowMs } of buckets) {
      const slice = Math.floor(now / (windowMs / slicesOfWindow))
      const known = wanted.get(key)
      if (known === undefined) wanted.set(key, { key, allowed, windowMs, count: 1, slice })
      else {
        known.count++
        known.slice = Math.max(known.slice, slice)
      }
    }
  }
  try {
    const granted = await tally.take([...wanted.values()])
    const left = new Map([...granted].map(([key, { count }]) => [key, count]))
    // All are told at once, how long to wait from then on: from the time of the latest of them, whose slice it was counted in.
    const now = Math.max(...gathered.map((each) => each.now))
    const answers = gathered.map(({ buckets }) => answer(buckets, now, granted, left))
    const back = [...left].flatMap(([key, count]) => {
      const { slice } = granted.get(key) ?? {}
      return count > 0 && slice !== undefined ? [{ key, count, slice }] : []
    })
    // Before anybody is told: what was counted in vain must not refuse the next request.
    if (back.length > 0) await tally.giveBack(back)
    for (const [index, { resolve }] of gathered.entries()) {
      const taken = answers[index]
      if (taken !== undefined) resolve(taken)
    }
  } catch (thrown) {
    for (const { reject } of gathered) reject(thrown)
  }
}

/** Gives a request what it needs of what is left, all or nothing. */
function answer(
  buckets: readonly Bucket[],
  now: number,
  granted: ReadonlyMap<string, Granted>,
  left: Map<string, number>,
): Taken {
  const allowed = buckets.every(({ key }) => (left.get(key) ?? 0) > 0)
  if (allowed) for (const { key } of buckets) left.set(key, (left.get(key) ?? 0) - 1)
  return {
    allowed,
    counts: buckets.map(({ key, allowed: limit, windowMs }) => {
      const bucket = granted.get(key)
      if (bucket === undefined) return { used: limit, freesMs: 0 }
      const unused = left.get(key) ?? 0
      const full = bucket.used - unused >= limit
      return { used: bucket.used - unused, freesMs: full ? freesMs(bucket, limit, windowMs, now) : 0 }
    }),
  }
}

/** When the oldest slices go whose requests keep the bucket full. */
function freesMs({ slice, slices = [], used }: Granted, limit: number, windowMs: number, now: number): number {
  let held = used
  for (const [index, count] of slices.entries()) {
    held -= count
    if (held < limit) return Math.max(1, (slice + index + 1) * (windowMs / slicesOfWindow) - now)
  }
  return windowMs
}
