import { z } from 'zod'
import type { Run } from '../database.ts'
import { slicesOfWindow } from './counter.ts'
import type { Tally } from './tally.ts'

const rows = z.array(
  z.object({
    bucket: z.string(),
    granted: z.int(),
    used: z.int(),
    slice: z.coerce.number().int(),
    counts_when_full: z.array(z.int()).nullable(),
  }),
)

/** Counts in a table that is not logged: no wait for the disk. */
export function postgresTally(run: Run): Tally {
  return {
    take: async (wanted) => {
      const given = await run('take', 'SELECT * FROM public.srv_take($1,$2,$3,$4,$5)', [
        wanted.map(({ key }) => key),
        wanted.map(({ count }) => count),
        wanted.map(({ allowed }) => allowed),
        wanted.map(({ slice }) => slice),
        wanted.map(({ slice, windowMs }) => new Date((slice + slicesOfWindow + 1) * (windowMs / slicesOfWindow))),
      ])
      return new Map(
        rows
          .parse(given)
          .map(({ bucket, granted, used, slice, counts_when_full: slices }) => [
            bucket,
            { count: granted, used, slice, slices: slices ?? undefined },
          ]),
      )
    },
    giveBack: async (given) => {
      await run('give-back', 'SELECT public.srv_give_back($1,$2,$3)', [
        given.map(({ key }) => key),
        given.map(({ count }) => count),
        given.map(({ slice }) => slice),
      ])
    },
  }
}
