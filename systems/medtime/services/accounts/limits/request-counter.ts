import type { Database } from '../../api/database.ts'
import type { Counter } from '../../api/limits/counter.ts'
import { addTo, freesIn, lockBuckets, usedOf } from './counts.ts'

/** Counts requests where this service counts, since it cannot reach what the API counts. */
export function requestCounter(database: Database): Counter {
  return {
    take: (buckets, now) =>
      database.transaction(null, async (run) => {
        const counted = buckets.map(({ key, windowMs, allowed }) => ({ bucket: key, windowMs, allowed }))
        await lockBuckets(run, counted)
        const before = []
        for (const each of counted) before.push({ ...each, ...(await usedOf(run, each, now)) })
        const allowed = before.every((each) => each.used < each.allowed)
        if (allowed) for (const each of counted) await addTo(run, each, 1, now)
        return {
          allowed,
          counts: before.map(({ used, oldest, windowMs }) => ({
            used: allowed ? used + 1 : used,
            freesMs: oldest === undefined ? windowMs : freesIn(oldest, windowMs, now),
          })),
        }
      }),
  }
}
