import type { Database } from '../../api/database.ts'
import type { Counter } from '../../api/limits/counter.ts'
import { addTo, freesIn, lockBuckets, sliceOf, usedOf } from './counts.ts'

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
          counts: before.map((each) => {
            const used = allowed ? each.used + 1 : each.used
            const first = each.oldest ?? sliceOf(each.windowMs, now)
            return { used, freesMs: used >= each.allowed ? Math.max(1, freesIn(first, each.windowMs, now)) : 0 }
          }),
        }
      }),
  }
}
