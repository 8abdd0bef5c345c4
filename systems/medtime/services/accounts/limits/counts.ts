import type { Run } from '../../api/database.ts'
import { slicesOfWindow } from '../../api/limits/counter.ts'

/** What is counted, and over how long. */
export interface Counted {
  bucket: string
  windowMs: number
}

/** Locks buckets in the order of their names until the transaction ends, so that no two wait for each other. */
export async function lockBuckets(run: Run, counted: readonly Counted[]): Promise<void> {
  for (const bucket of counted.map((each) => each.bucket).toSorted()) {
    await run('lock bucket', 'SELECT pg_advisory_xact_lock(hashtextextended($1, 4712))', [bucket])
  }
}

/** How much a window holds that ends now, and the first slice of it that holds anything. */
export async function usedOf(
  run: Run,
  { bucket, windowMs }: Counted,
  now: number,
): Promise<{ used: number; oldest: number | undefined }> {
  const rows = await run<{ used: string; oldest: string | null }>(
    'count bucket',
    `SELECT coalesce(sum(count), 0) AS used, min(slice) AS oldest FROM public.srv_auth_counts
     WHERE bucket = $1 AND slice > $2`,
    [bucket, sliceOf(windowMs, now) - slicesOfWindow],
  )
  const [row] = rows
  return { used: Math.max(0, Number(row?.used ?? 0)), oldest: row?.oldest == null ? undefined : Number(row.oldest) }
}

/** @param by what to add; below zero to take back what was counted too much */
export async function addTo(run: Run, { bucket, windowMs }: Counted, by: number, now: number): Promise<void> {
  await run('forget counts', 'DELETE FROM public.srv_auth_counts WHERE empty_at < $1', [new Date(now)])
  await run(
    'add to bucket',
    `INSERT INTO public.srv_auth_counts AS c (bucket, slice, count, empty_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (bucket, slice) DO UPDATE SET count = c.count + $3`,
    [bucket, sliceOf(windowMs, now), by, new Date(now + 2 * windowMs)],
  )
}

export async function clearBucket(run: Run, { bucket }: Counted): Promise<void> {
  await run('clear bucket', 'DELETE FROM public.srv_auth_counts WHERE bucket = $1', [bucket])
}

export function sliceOf(windowMs: number, now: number): number {
  return Math.floor(now / (windowMs / slicesOfWindow))
}

/** Milliseconds until a slice is out of the window. */
export function freesIn(slice: number, windowMs: number, now: number): number {
  const lengthMs = windowMs / slicesOfWindow
  return Math.max(0, Math.ceil((slice + slicesOfWindow) * lengthMs - now))
}
