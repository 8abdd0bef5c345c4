import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Database, Run } from '../api/database.ts'
import { language, type MessageType } from '../api/messages/message.ts'
import { type Bucket, giveRoomBack, type Room, takeRoom } from './limits.ts'

/*
 * The outbox as the messenger works on it. A message is taken with a lease: while it lasts nobody else takes it, and when its holder dies it
 * is taken again. Between taking and sending stands `begin`, which notes that from now on the provider may have it: a message that is taken
 * again before was never sent, one that is taken again after is in doubt.
 */

/** Longer than everything between taking and noting: looking up, signing in, and one request to a provider. */
export const leaseMs = 60_000
/** Ended messages are kept for this long, and with them the keys of their events. */
export const keepMs = 30 * 86_400_000

const messageType = z.enum([
  'alert_backup',
  'emergency_notification',
  'caregiver_notification',
  'mfa_code',
  'emergency_alert',
  'caregiver_reminder',
])

const taken = z.object({
  id: z.string(),
  user_id: z.string(),
  type: messageType,
  event: z.string(),
  audience: z.enum(['user', 'device', 'topic']),
  target: z.string(),
  language: language.nullable(),
  content: z.instanceof(Buffer).nullable(),
  state: z.enum(['waiting', 'sending']),
  attempts: z.number(),
  claim: z.string(),
  created_at: z.date(),
  expires_at: z.date(),
})
export type Taken = z.output<typeof taken>

/** How a message ends that is not sent, or not any more. */
export type End = 'failed' | 'expired' | 'limited' | 'stopped' | 'nobody' | 'spread' | 'unknown'

export interface Outbox {
  /** The message that is due for longest, alarms and codes before others, for one lease; undefined when none is. */
  take(now: Date): Promise<Taken | undefined>
  /**
   * Notes that it is being sent now, if every limit lets it: the first list of buckets that all have room counts it.
   * @returns undefined when the lease ran out and somebody else has it
   */
  begin(message: Taken, ways: readonly (readonly Bucket[])[], now: Date): Promise<Begun | undefined>
  accepted(message: Taken, providerId: string, now: Date): Promise<void>
  /** Puts it off. With `attemptAt` the attempt of that time was refused and does not count against the limits. */
  putOff(message: Taken, until: Date, attemptAt?: Date): Promise<void>
  end(message: Taken, how: End, code: string | undefined, now: Date, attemptAt?: Date): Promise<void>
  /** Makes one message for each device of the one for its user. */
  spread(message: Taken, copies: readonly Copy[], now: Date): Promise<void>
  /** Takes in what providers told since. Returns what is known thereby of which message. */
  fold(now: Date): Promise<Receipt[]>
  /** Removes what ended long ago. */
  clean(now: Date): Promise<void>
}

export interface Receipt {
  id: string
  type: MessageType
  status: 'accepted' | 'delivered' | 'undelivered'
  /** The provider's, where it was not delivered. */
  error_code: string | null
}

export type Begun = { way: number } | Exclude<Room, { kind: 'room' }>

export interface Copy {
  id: string
  device: string
  content: Buffer
}

export function openOutbox({ run, transaction }: Database): Outbox {
  const held = 'id = $1 AND claim = $2'
  return {
    take: async (now) => {
      const rows = await run(
        'take-message',
        `UPDATE public.srv_messages SET claim = $2, due_at = $3 WHERE id = coalesce(
           (
             SELECT id FROM public.srv_messages WHERE state IN ('waiting', 'sending') AND due_at <= $1
               AND type IN ('emergency_alert', 'emergency_notification', 'mfa_code')
             ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
           ),
           (
             SELECT id FROM public.srv_messages WHERE state IN ('waiting', 'sending') AND due_at <= $1
             ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
           )
         ) RETURNING id, user_id, type, event, audience, target, language, content, state, attempts, claim, created_at, expires_at`,
        [now, randomUUID(), new Date(now.getTime() + leaseMs)],
      )
      return z.array(taken).parse(rows)[0]
    },
    begin: (message, ways, now) =>
      transaction(null, async (inside) => {
        const { length } = await inside(
          'hold-message',
          `SELECT FROM public.srv_messages WHERE ${held} AND state IN ('waiting', 'sending') FOR UPDATE`,
          [message.id, message.claim],
        )
        if (length === 0) return undefined
        let refusal: Exclude<Room, { kind: 'room' }> = { kind: 'full' }
        for (const [way, buckets] of ways.entries()) {
          const room = await takeRoom(inside, { id: message.id, user: message.user_id }, buckets, now)
          if (room.kind !== 'room') {
            // A way that is free later is better than none.
            if (refusal.kind === 'full') refusal = room
            continue
          }
          await inside(
            'begin-message',
            `UPDATE public.srv_messages SET state = 'sending', attempts = attempts + 1, due_at = $2 WHERE id = $1`,
            [message.id, new Date(now.getTime() + leaseMs)],
          )
          return { way }
        }
        return refusal
      }),
    accepted: async (message, providerId, now) => {
      // Somebody may have ended it as unknown meanwhile, or a receipt been faster.
      await run(
        'accepted-message',
        `UPDATE public.srv_messages SET provider_id = $3, content = NULL, ended_at = coalesce(ended_at, $4),
           state = CASE WHEN state IN ('sending', 'unknown') THEN 'accepted' ELSE state END
         WHERE ${held} AND state IN ('sending', 'unknown', 'accepted', 'delivered', 'undelivered')`,
        [message.id, message.claim, providerId, now],
      )
    },
    putOff: (message, until, attemptAt) =>
      transaction(null, async (inside) => {
        const rows = await inside(
          'put-off-message',
          `UPDATE public.srv_messages SET state = 'waiting', due_at = $3
           WHERE ${held} AND state IN ('waiting', 'sending') RETURNING id`,
          [message.id, message.claim, until],
        )
        if (rows.length > 0 && attemptAt !== undefined) await giveRoomBack(inside, message.id, attemptAt)
      }),
    end: (message, how, code, now, attemptAt) =>
      transaction(null, async (inside) => {
        const rows = await inside(
          'end-message',
          `UPDATE public.srv_messages SET state = $3, error_code = $4, ended_at = $5, content = NULL
           WHERE ${held} AND state IN ('waiting', 'sending') RETURNING id`,
          [message.id, message.claim, how, code ?? null, now],
        )
        if (rows.length > 0 && attemptAt !== undefined) await giveRoomBack(inside, message.id, attemptAt)
      }),
    spread: (message, copies, now) =>
      transaction(null, async (inside) => {
        const rows = await inside(
          'spread-message',
          `UPDATE public.srv_messages SET state = 'spread', ended_at = $3, content = NULL
           WHERE ${held} AND state = 'waiting' RETURNING id`,
          [message.id, message.claim, now],
        )
        if (rows.length === 0) return
        for (const { id, device, content } of copies) {
          await inside(
            'copy-message',
            `INSERT INTO public.srv_messages
               (id, user_id, type, event, audience, target, content, created_at, due_at, expires_at)
             VALUES ($1, $2, $3, $4, 'device', $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
            [
              id,
              message.user_id,
              message.type,
              message.event,
              device,
              content,
              message.created_at,
              now,
              message.expires_at,
            ],
          )
        }
      }),
    fold: (now) => foldReceipts(run, now),
    clean: async (now) => {
      await run(
        'clean-messages',
        `DELETE FROM public.srv_messages WHERE id IN (
           SELECT id FROM public.srv_messages WHERE ended_at < $1 ORDER BY ended_at LIMIT 1000
         )`,
        [new Date(now.getTime() - keepMs)],
      )
      await run('clean-sends', 'DELETE FROM public.srv_message_sends WHERE sent_at < $1', [
        new Date(now.getTime() - 2 * 86_400_000),
      ])
    },
  }
}

const folded = z.array(
  z.object({
    id: z.string(),
    type: messageType,
    status: z.enum(['accepted', 'delivered', 'undelivered']),
    error_code: z.string().nullable(),
  }),
)

/**
 * A receipt proves that the provider had the message, also where the sender died before it could note that. What was delivered or not stays
 * so, whatever comes late.
 */
async function foldReceipts(run: Run, now: Date): Promise<Receipt[]> {
  const rows = await run(
    'fold-receipts',
    `WITH fresh AS (
       SELECT digest FROM public.srv_message_receipts WHERE NOT folded ORDER BY received_at LIMIT 100 FOR UPDATE SKIP LOCKED
     ), told AS (
       UPDATE public.srv_message_receipts AS r SET folded = true FROM fresh WHERE r.digest = fresh.digest
       RETURNING r.message_id, r.provider_id, r.status, r.error_code, r.received_at
     ), newest AS (
       SELECT DISTINCT ON (message_id) * FROM told ORDER BY message_id, (status = 'accepted'), received_at
     )
     UPDATE public.srv_messages AS m
     SET state = n.status, provider_id = coalesce(m.provider_id, n.provider_id), error_code = n.error_code, content = NULL,
       ended_at = coalesce(m.ended_at, $1)
     FROM newest AS n
     WHERE m.id = n.message_id AND (
       m.state IN ('sending', 'unknown', 'waiting') OR (m.state = 'accepted' AND n.status <> 'accepted')
     )
     RETURNING m.id, m.type, n.status, n.error_code`,
    [now],
  )
  return folded.parse(rows)
}
