import { z } from 'zod'
import type { Run } from '../api/database.ts'

/*
 * How much may go where (TECH-INF-001 §2.3, §2.4). Each message sent leaves a row in every bucket it counts in; the rows of the window before
 * are counted under a lock on the bucket, so that two instances at once cannot both take the last place. A window is the time before
 * this moment, not the hour of a clock.
 */

export interface Limit {
  most: number
  windowMs: number
  /** Whether a message over the limit waits until there is room, or is given up. */
  over: 'wait' | 'give-up'
}

const second = 1_000
const hour = 3_600 * second
const day = 24 * hour

export const limits = {
  pushByDevice: { most: 100, windowMs: hour, over: 'give-up' },
  pushByTopic: { most: 1000, windowMs: hour, over: 'give-up' },
  smsByUser: { most: 10, windowMs: day, over: 'give-up' },
  smsToNumber: { most: 100, windowMs: day, over: 'give-up' },
  smsFromNumber: { most: 100, windowMs: day, over: 'give-up' },
  smsPause: { most: 1, windowMs: 60 * second, over: 'wait' },
} as const satisfies Record<string, Limit>

export interface Bucket {
  name: string
  limit: Limit
}

export type Room = { kind: 'room' } | { kind: 'wait'; until: Date } | { kind: 'full' }

const counted = z.object({ count: z.coerce.number(), oldest: z.date().nullable() })

/**
 * Whether a message may go now under every limit; when it may, it is counted, for whoever asks next.
 * @param run of a transaction: the locks last until its end
 */
export async function takeRoom(
  run: Run,
  message: { id: string; user: string },
  buckets: readonly Bucket[],
  now: Date,
): Promise<Room> {
  // Everybody locks in the same order, so that nobody waits in a circle.
  const names = [...new Set(buckets.map(({ name }) => name))].sort()
  for (const name of names) await run('bucket-lock', 'SELECT pg_advisory_xact_lock(hashtextextended($1, 7461))', [name])
  let waitUntil = 0
  for (const { name, limit } of buckets) {
    // The newest that still fit leave room when the oldest of them is a window old.
    const rows = await run(
      'bucket-count',
      `SELECT count(*) AS count, min(sent_at) AS oldest FROM (
         SELECT sent_at FROM public.srv_message_sends WHERE bucket = $1 AND sent_at > $2 ORDER BY sent_at DESC LIMIT $3
       ) AS s`,
      [name, new Date(now.getTime() - limit.windowMs), limit.most],
    )
    const { count, oldest } = z.tuple([counted]).parse(rows)[0]
    if (count < limit.most || oldest === null) continue
    if (limit.over === 'give-up') return { kind: 'full' }
    waitUntil = Math.max(waitUntil, oldest.getTime() + limit.windowMs)
  }
  if (waitUntil > 0) return { kind: 'wait', until: new Date(waitUntil) }
  await run(
    'bucket-add',
    `INSERT INTO public.srv_message_sends (user_id, message_id, bucket, sent_at)
       SELECT $1, $2, b, $4 FROM unnest($3::text[]) AS b`,
    [message.user, message.id, names, now],
  )
  return { kind: 'room' }
}

/** Takes back what one attempt at a message was counted for: the provider did not take it. An attempt in doubt stays counted. */
export async function giveRoomBack(run: Run, message: string, at: Date): Promise<void> {
  await run('bucket-remove', 'DELETE FROM public.srv_message_sends WHERE message_id = $1 AND sent_at = $2', [
    message,
    at,
  ])
}
