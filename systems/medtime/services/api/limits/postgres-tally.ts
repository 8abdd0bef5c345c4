import { z } from 'zod'
import type { Run } from '../database.ts'
import { plainArrayOf } from '../sync/array-literal.ts'
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

/**
 * Counts as many of the requests wanted of each bucket as there is room for. Rows are locked in the order of their names, so that no
 * two calls wait for each other. An instance whose clock lags counts into the newest slice there is. The counts are told of a full
 * bucket alone, so that who is refused can be told how long to wait.
 */
const take = `
  INSERT INTO public.srv_rate_windows AS w (bucket, slice, counts, used, granted, allowed, empty_at)
    SELECT r.bucket, r.slice, array_fill(0, ARRAY[60]) || least(r.wanted, r.allowed), least(r.wanted, r.allowed),
      least(r.wanted, r.allowed), r.allowed, to_timestamp((r.slice + 61) * r.length_ms::float8 / 1000)
    FROM unnest($1::text[], $2::integer[], $3::integer[], $4::bigint[], $5::integer[])
      AS r (bucket, wanted, allowed, slice, length_ms)
    ORDER BY r.bucket
  ON CONFLICT (bucket) DO UPDATE SET (slice, counts, used, granted, allowed, empty_at) = (
    SELECT
      greatest(w.slice, excluded.slice),
      CASE
        WHEN excluded.slice <= w.slice THEN w.counts[1:60] || (w.counts[61] + c.room)
        WHEN excluded.slice > w.slice + 60 THEN array_fill(0, ARRAY[60]) || c.room
        ELSE w.counts[excluded.slice - w.slice + 1:] || array_fill(0, ARRAY[(excluded.slice - w.slice)::integer - 1]) || c.room
      END,
      c.live + c.room, c.room, excluded.allowed, greatest(w.empty_at, excluded.empty_at)
    FROM (
      SELECT b.live, least(excluded.used, greatest(0, excluded.allowed - b.live)) AS room
      FROM (
        SELECT CASE
          WHEN excluded.slice <= w.slice THEN w.used
          WHEN excluded.slice > w.slice + 60 THEN 0
          ELSE w.used - (SELECT coalesce(sum(gone), 0) FROM unnest(w.counts[1:excluded.slice - w.slice]) AS gone)::integer
        END AS live
        -- Keeps the sum from being repeated wherever its result is used.
        OFFSET 0
      ) AS b
    ) AS c
  )
  RETURNING w.bucket, w.granted, w.used, w.slice, CASE WHEN w.used >= w.allowed THEN w.counts END AS counts_when_full`

/** Counts in a table that is not logged: no wait for the disk. */
export function postgresTally(run: Run): Tally {
  return {
    take: async (wanted) => {
      const given = await run('take', take, [
        // Names of buckets hold nothing that an array would quote.
        plainArrayOf(wanted.map(({ key }) => key)),
        plainArrayOf(wanted.map(({ count }) => count)),
        plainArrayOf(wanted.map(({ allowed }) => allowed)),
        plainArrayOf(wanted.map(({ slice }) => slice)),
        plainArrayOf(wanted.map(({ windowMs }) => windowMs / slicesOfWindow)),
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
