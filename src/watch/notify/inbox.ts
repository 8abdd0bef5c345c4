import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import type { Deliver } from './channel.ts'
import { type Message, messageSchema } from './message.ts'
import { textOf } from './words.ts'

/** What the console was told. */
export interface InboxItem {
  channel: string
  atMs: number
  text: string
  message: Message
}

/** Keeps a message for whoever looks: once, however often it is handed in. */
export function deliverToInbox(database: DatabaseSync): Deliver {
  return async ({ key, channel, message, language, nowMs }) => {
    database
      .prepare('INSERT INTO inbox (key, channel, at_ms, text, message) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING')
      .run(key, channel, nowMs, textOf(message, language), JSON.stringify(message))
    return { kind: 'delivered' }
  }
}

/** The last items, newest first. */
export function readInbox(database: DatabaseSync, most: number): InboxItem[] {
  const schema = z
    .object({
      channel: z.string(),
      at_ms: z.int(),
      text: z.string(),
      message: z.string().transform((text) => messageSchema.parse(JSON.parse(text))),
    })
    .transform(({ channel, at_ms, text, message }): InboxItem => ({ channel, atMs: at_ms, text, message }))
  const rows = database
    .prepare('SELECT channel, at_ms, text, message FROM inbox ORDER BY at_ms DESC, key LIMIT ?')
    .all(most)
  return z.array(schema).parse(rows)
}
