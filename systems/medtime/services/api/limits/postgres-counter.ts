import { z } from 'zod'
import type { Run } from '../database.ts'
import type { Counter } from './counter.ts'

const row = z.tuple([
  z.object({ allowed: z.boolean(), used: z.array(z.int()), frees_ms: z.array(z.int()) }).transform((taken) => ({
    allowed: taken.allowed,
    counts: taken.used.map((used, index) => ({ used, freesMs: taken.frees_ms[index] ?? 0 })),
  })),
])

/** Counts in a table that is not logged: one call, and no wait for the disk. */
export function postgresCounter(run: Run): Counter {
  return {
    take: async (buckets, now) => {
      const rows = await run('take', 'SELECT allowed, used, frees_ms FROM public.srv_take($1,$2,$3,$4)', [
        buckets.map(({ key }) => key),
        buckets.map(({ allowed }) => allowed),
        buckets.map(({ windowMs }) => windowMs),
        new Date(now),
      ])
      return row.parse(rows)[0]
    },
  }
}
