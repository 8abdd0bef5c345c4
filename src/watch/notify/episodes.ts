import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { alertSeverity } from '../../plan/alerts.ts'
import type { Message, MessageAlert } from './message.ts'

/** One firing of one alert and who answered it. */
export interface Episode {
  episode: string
  alert: string
  severity: MessageAlert['severity']
  toldMs: number
  acknowledgedMs: number | undefined
  acknowledgedBy: string | undefined
  endedMs: number | undefined
}

const rowSchema = z
  .object({
    episode: z.string(),
    alert: z.string(),
    severity: alertSeverity,
    told_ms: z.int(),
    acknowledged_ms: z.int().nullable(),
    acknowledged_by: z.string().nullable(),
    ended_ms: z.int().nullable(),
  })
  .transform(
    (row): Episode => ({
      episode: row.episode,
      alert: row.alert,
      severity: row.severity,
      toldMs: row.told_ms,
      acknowledgedMs: row.acknowledged_ms ?? undefined,
      acknowledgedBy: row.acknowledged_by ?? undefined,
      endedMs: row.ended_ms ?? undefined,
    }),
  )

/** A group of a channel that was told of an episode. */
export interface Told {
  channel: string
  dedup: string
  /** No notice made the group, the pager did: nobody but it will tell it of the end. */
  own: boolean
}

/** @returns false when the firing was known. */
export function beginEpisode(database: DatabaseSync, alert: MessageAlert, nowMs: number): boolean {
  return (
    database
      .prepare('INSERT INTO episodes (episode, alert, severity, told_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING')
      .run(alert.episode, alert.alert, alert.severity, nowMs).changes === 1
  )
}

/** @returns false when it had ended, or never began. */
export function endEpisode(database: DatabaseSync, episode: string, nowMs: number): boolean {
  stopEscalating(database, episode, nowMs)
  const statement = database.prepare('UPDATE episodes SET ended_ms = ? WHERE episode = ? AND ended_ms IS NULL')
  return statement.run(nowMs, episode).changes === 1
}

/** @returns false when somebody had answered, it had ended, or it never began. */
export function answerEpisode(database: DatabaseSync, episode: string, by: string, nowMs: number): boolean {
  stopEscalating(database, episode, nowMs)
  return (
    database
      .prepare(
        'UPDATE episodes SET acknowledged_ms = ?, acknowledged_by = ? WHERE episode = ? AND acknowledged_ms IS NULL AND ended_ms IS NULL',
      )
      .run(nowMs, by, episode).changes === 1
  )
}

export function noteTold(database: DatabaseSync, channel: string, message: Message, own: boolean): void {
  const statement = database.prepare(
    'INSERT INTO told (channel, dedup, episode, own) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  )
  for (const { episode } of message.alerts) statement.run(channel, message.dedup, episode, own ? 1 : 0)
}

export function toldOf(database: DatabaseSync, episode: string): Told[] {
  const schema = z.object({ channel: z.string(), dedup: z.string(), own: z.int().transform((own) => own === 1) })
  return z
    .array(schema)
    .parse(database.prepare('SELECT channel, dedup, own FROM told WHERE episode = ? ORDER BY channel').all(episode))
}

/** The episodes a provider speaks of when it names a deduplication key. */
export function episodesOfGroup(database: DatabaseSync, dedup: string): string[] {
  const rows = database.prepare('SELECT DISTINCT episode FROM told WHERE dedup = ?').all(dedup)
  return z
    .array(z.object({ episode: z.string() }))
    .parse(rows)
    .map(({ episode }) => episode)
}

export function readEpisode(database: DatabaseSync, episode: string): Episode | undefined {
  const row = database.prepare('SELECT * FROM episodes WHERE episode = ?').get(episode)
  return row === undefined ? undefined : rowSchema.parse(row)
}

/** The firings that have not ended, oldest first. */
export function openEpisodes(database: DatabaseSync): Episode[] {
  return z
    .array(rowSchema)
    .parse(database.prepare('SELECT * FROM episodes WHERE ended_ms IS NULL ORDER BY told_ms, episode').all())
}

function stopEscalating(database: DatabaseSync, episode: string, nowMs: number): void {
  database.prepare('UPDATE escalations SET done_ms = ? WHERE episode = ? AND done_ms IS NULL').run(nowMs, episode)
}
