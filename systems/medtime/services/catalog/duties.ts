import type { ClientBase, Pool } from 'pg'
import { z } from 'zod'
import { dueAt } from '../catalog-import/schedule.ts'
import { type Source, sources } from '../catalog-import/source.ts'
import type { Summary } from '../catalog-import/summary.ts'
import type { LookErrorCode } from './look-error.ts'

/** A source that is looked after: since when, how the last look at it ended, and when the next is due. */
export interface Duty {
  source: Source
  since: Date
  /** When it was last taken in or found unchanged, by whomever. */
  checkedAt: Date | undefined
  /** It is not tried before, since the last look failed. */
  retryAt: Date | undefined
  failures: number
  last: { at: Date; outcome: 'imported' | 'unchanged' | 'failed'; code: string | undefined } | undefined
}

/** What came of a look at a source. */
export type Look = { at: Date; durationMs: number } & (
  | { outcome: 'imported' | 'unchanged'; summary: Summary }
  | { outcome: 'failed'; code: LookErrorCode }
)

/** Looks that are remembered of each source: more than a year of the daily one. */
const looksKept = 400
const hourMs = 3_600_000

const row = z
  .object({
    source: z.enum(sources),
    since: z.date(),
    checked_at: z.date().nullable(),
    retry_at: z.date().nullable(),
    failures: z.number().int(),
    looked_at: z.date().nullable(),
    outcome: z.enum(['imported', 'unchanged', 'failed']).nullable(),
    error_code: z.string().nullable(),
  })
  .transform(
    (found): Duty => ({
      source: found.source,
      since: found.since,
      checkedAt: found.checked_at ?? undefined,
      retryAt: found.retry_at ?? undefined,
      failures: found.failures,
      last:
        found.looked_at === null || found.outcome === null
          ? undefined
          : { at: found.looked_at, outcome: found.outcome, code: found.error_code ?? undefined },
    }),
  )

/** When a duty was, or will be, owed: never taken in, it is since it was configured. */
export function owedAt({ source, since, checkedAt }: Pick<Duty, 'source' | 'since' | 'checkedAt'>): Date {
  return checkedAt === undefined ? since : dueAt(source, checkedAt)
}

/** Whether a look is to be taken now. */
export function isDue(duty: Duty, now: Date): boolean {
  return owedAt(duty) <= now && (duty.retryAt === undefined || duty.retryAt <= now)
}

/** An hour after the first failure, twice as long after each further one, a day at most. */
export function retryAfter(failures: number, now: Date): Date {
  return new Date(now.getTime() + Math.min(2 ** (failures - 1), 24) * hourMs)
}

/**
 * Writes down what there is to look after. What was configured before keeps its time, and what failed may be tried at once: whoever
 * starts the service anew has mended something. What is configured no more is owed no more.
 */
export async function takeOver(pool: Pool, configured: readonly Source[], now: Date): Promise<void> {
  await pool.query(
    `WITH given AS (SELECT unnest($1::text[]) AS source),
       gone AS (DELETE FROM public.srv_catalog_duties WHERE source <> ALL ($1))
     INSERT INTO public.srv_catalog_duties (source, since) SELECT source, $2 FROM given
     ON CONFLICT (source) DO UPDATE SET retry_at = NULL`,
    [configured, now],
  )
}

export async function readDuties(on: Pool | ClientBase): Promise<Duty[]> {
  const { rows } = await on.query(
    `SELECT d.source, d.since, s.checked_at, d.retry_at, d.failures, l.looked_at, l.outcome, l.error_code
     FROM public.srv_catalog_duties AS d
       LEFT JOIN public.srv_catalog_sources AS s USING (source)
       LEFT JOIN LATERAL (
         SELECT looked_at, outcome, error_code FROM public.srv_catalog_looks WHERE source = d.source ORDER BY id DESC LIMIT 1
       ) AS l ON true`,
  )
  const duties = z.array(row).parse(rows)
  // In the order of trust, so that the first catalog is the best there is.
  return duties.sort((one, other) => sources.indexOf(one.source) - sources.indexOf(other.source))
}

/** Notes a look, in the transaction that holds its lock. */
export async function noteLook(on: ClientBase, { source, failures }: Duty, look: Look): Promise<void> {
  const failed = look.outcome === 'failed'
  await on.query(
    `INSERT INTO public.srv_catalog_looks (source, looked_at, outcome, error_code, duration_ms, summary)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [
      source,
      look.at,
      look.outcome,
      failed ? look.code : null,
      Math.max(0, Math.round(look.durationMs)),
      failed ? null : JSON.stringify(look.summary),
    ],
  )
  await on.query('UPDATE public.srv_catalog_duties SET failures = $2, retry_at = $3 WHERE source = $1', [
    source,
    failed ? failures + 1 : 0,
    failed ? retryAfter(failures + 1, look.at) : null,
  ])
  await on.query(
    `DELETE FROM public.srv_catalog_looks WHERE source = $1 AND id <= (
       SELECT id FROM public.srv_catalog_looks WHERE source = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)`,
    [source, looksKept],
  )
}
