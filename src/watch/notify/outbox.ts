import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { canonicalJson } from '../../plan/canonical-json.ts'
import { whileLocked } from '../../synced-file.ts'
import { type Message, messageSchema } from './message.ts'

/*
 * Messages on the disk. Of one group on one channel they go in the order in which they were accepted: a resolve never arrives before its alert.
 * A later alert of the group takes the place of what still waits; a resolve takes only the place of a resolve, so that whoever could
 * not be reached hears that something happened, and that it is over.
 */

const rowSchema = z.object({
  number: z.int(),
  key: z.string(),
  channel: z.string(),
  dedup: z.string(),
  event: z.string(),
  message: z.string().transform((text) => messageSchema.parse(JSON.parse(text))),
  accepted_ms: z.int(),
  due_ms: z.int(),
  attempts: z.int(),
  unsure: z.int().transform((value) => value !== 0),
  state: z.enum(['waiting', 'delivered', 'overtaken', 'handed-over']),
  reason: z.string().nullable(),
  reference: z.string().nullable(),
  settled_ms: z.int().nullable(),
  passed_on: z.int().transform((value) => value !== 0),
})

export type OutboxEntry = z.infer<typeof rowSchema>

/**
 * Takes a message; it is on the disk when this returns. What the group last said is not said again, however often it is handed in, until
 * `repeatAfterMs` have passed.
 *
 * @returns the number of the entry that says it, new or not.
 */
export function enqueue(
  database: DatabaseSync,
  channel: string,
  message: Message,
  nowMs: number,
  repeatAfterMs: number,
): number {
  return whileLocked(database, () => {
    const event = eventOf(message)
    const last = database
      .prepare(
        "SELECT number, event, accepted_ms FROM outbox WHERE channel = ? AND dedup = ? AND (status = 'acknowledged') = ? ORDER BY number DESC LIMIT 1",
      )
      .get(channel, message.dedup, message.status === 'acknowledged' ? 1 : 0)
    const known = z.object({ number: z.int(), event: z.string(), accepted_ms: z.int() }).optional().parse(last)
    if (known?.event === event && nowMs - known.accepted_ms < repeatAfterMs) return known.number
    const overtakes = message.status === 'firing' ? '%' : message.status
    database
      .prepare(
        "UPDATE outbox SET state = 'overtaken', settled_ms = ? WHERE channel = ? AND dedup = ? AND state = 'waiting' AND status LIKE ?",
      )
      .run(nowMs, channel, message.dedup, overtakes)
    const key = createHash('sha256')
      .update(`${channel}\n${event}\n${nowMs}\n${known?.number ?? 0}`)
      .digest('hex')
    const { lastInsertRowid } = database
      .prepare(
        'INSERT INTO outbox (key, channel, dedup, event, status, message, accepted_ms, due_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(key, channel, message.dedup, event, message.status, JSON.stringify(message), nowMs, nowMs)
    return Number(lastInsertRowid)
  })
}

/** Messages of a group arrive in their order: only the oldest that waits may be attempted. */
const firstOfGroup = `NOT EXISTS (SELECT 1 FROM outbox earlier
  WHERE earlier.channel = outbox.channel AND earlier.dedup = outbox.dedup AND earlier.state = 'waiting' AND earlier.number < outbox.number)`

/** The oldest of each group on a channel, where it is due. */
export function dueOn(database: DatabaseSync, channel: string, nowMs: number): OutboxEntry[] {
  return entries(database, `state = 'waiting' AND channel = ? AND due_ms <= ? AND ${firstOfGroup}`, channel, nowMs)
}

/** Everything that was accepted and has reached nobody yet, oldest first. */
export function waiting(database: DatabaseSync): OutboxEntry[] {
  return entries(database, "state = 'waiting'")
}

/** Every entry that speaks of an episode, oldest first. */
export function entriesOf(database: DatabaseSync, episode: string): OutboxEntry[] {
  return entries(
    database,
    '(channel, dedup) IN (SELECT channel, dedup FROM told WHERE episode = ?) AND instr(message, ?) > 0',
    episode,
    `"episode":"${episode}"`,
  )
}

/**
 * Notes before the first byte leaves that an attempt is made. A process that dies meanwhile leaves it as one whose outcome nobody knows, and
 * no other process attempts the same before `untilMs`.
 *
 * @returns false when another process has taken it.
 */
export function beginAttempt(database: DatabaseSync, entry: OutboxEntry, untilMs: number): boolean {
  const { changes } = database
    .prepare(
      "UPDATE outbox SET attempts = attempts + 1, due_ms = ?, unsure = 1 WHERE number = ? AND state = 'waiting' AND attempts = ?",
    )
    .run(untilMs, entry.number, entry.attempts)
  return changes === 1
}

export function settle(
  database: DatabaseSync,
  number: number,
  state: 'delivered' | 'handed-over',
  reference: string | undefined,
  nowMs: number,
): void {
  // One that was overtaken while it was on its way has arrived all the same.
  database
    .prepare('UPDATE outbox SET state = ?, reference = ?, reason = NULL, unsure = 0, settled_ms = ? WHERE number = ?')
    .run(state, reference ?? null, nowMs, number)
}

export function postpone(
  database: DatabaseSync,
  entry: OutboxEntry,
  to: { dueMs: number; reason: string; unsure: boolean },
): void {
  database
    .prepare('UPDATE outbox SET due_ms = ?, reason = ?, unsure = ? WHERE number = ?')
    .run(to.dueMs, to.reason, to.unsure || entry.unsure ? 1 : 0, entry.number)
}

/** Marks that other channels were told in its place. @returns false when they were before. */
export function passOn(database: DatabaseSync, number: number): boolean {
  return (
    database.prepare('UPDATE outbox SET passed_on = 1 WHERE number = ? AND passed_on = 0').run(number).changes === 1
  )
}

/** When a channel may be sent the next message: at once, or when the oldest of the last `messages` leaves the span. */
export function freeAtMs(
  database: DatabaseSync,
  channel: string,
  limit: { messages: number; per: number },
  nowMs: number,
): number {
  const row = database
    .prepare(
      "SELECT settled_ms FROM outbox WHERE channel = ? AND state = 'delivered' ORDER BY settled_ms DESC LIMIT 1 OFFSET ?",
    )
    .get(channel, limit.messages - 1)
  const oldest = z.object({ settled_ms: z.int() }).optional().parse(row)
  return oldest === undefined ? nowMs : Math.max(nowMs, oldest.settled_ms + limit.per)
}

/** When something next falls due. What stands behind another of its group falls due with that one, however long its own time has passed. */
export function nextDueMs(database: DatabaseSync): number | undefined {
  const row = database
    .prepare(
      `SELECT min(due_ms) AS due FROM (
         SELECT due_ms FROM outbox WHERE state = 'waiting' AND ${firstOfGroup}
         UNION ALL SELECT due_ms FROM escalations WHERE done_ms IS NULL)`,
    )
    .get()
  return z.object({ due: z.int().nullable() }).parse(row).due ?? undefined
}

const day = 86_400_000
const keptMs = 400 * day

/** Forgets what has settled: messages after 400 days, the standing heartbeat's after one, its last excepted. What waits is never forgotten. */
export function forget(database: DatabaseSync, heartbeat: string, nowMs: number): void {
  database.prepare("DELETE FROM outbox WHERE state <> 'waiting' AND settled_ms < ?").run(nowMs - keptMs)
  database
    .prepare(
      `DELETE FROM outbox WHERE state <> 'waiting' AND settled_ms < ?
       AND (channel, dedup) IN (SELECT channel, dedup FROM told JOIN episodes USING (episode) WHERE alert = ?)
       AND number NOT IN (SELECT max(number) FROM outbox WHERE state = 'delivered' GROUP BY channel, dedup)`,
    )
    .run(nowMs - day, heartbeat)
}

/** Why a message waits that its channel may not be sent yet. */
export const channelLimit = 'the limit of the channel'

/** What is said, whenever it is said: figures change with every evaluation and are no news. */
function eventOf({ status, alerts, unansweredMs, insteadOf }: Message): string {
  const said = alerts.map(({ episode, status }) => `${episode} ${status}`).sort()
  return createHash('sha256')
    .update(canonicalJson({ status, said, unansweredMs: unansweredMs ?? null, insteadOf: insteadOf ?? null }))
    .digest('hex')
}

function entries(database: DatabaseSync, condition: string, ...values: (string | number)[]): OutboxEntry[] {
  return z
    .array(rowSchema)
    .parse(database.prepare(`SELECT * FROM outbox WHERE ${condition} ORDER BY number`).all(...values))
}
