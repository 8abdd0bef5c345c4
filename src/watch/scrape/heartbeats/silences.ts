import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import type { Clock } from '../../../clock.ts'
import { openSynced } from '../../../synced-file.ts'

/*
 * How long each heartbeat has been silent. Only time in which somebody listens counts: who was not listened to is not late, and a start makes nobody
 * young again.
 */

const tables = `
CREATE TABLE IF NOT EXISTS silences (
  probe      TEXT PRIMARY KEY,
  silent_ms  INTEGER NOT NULL,
  counted_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS receiver (port INTEGER NOT NULL) STRICT;
`

const rowSchema = z.object({ probe: z.string(), silent_ms: z.int(), counted_ms: z.int() })

/** Heartbeats that are listened to. */
export interface Silences {
  /** A sign of life came; it is on the disk when this returns. */
  heard(probe: string): void
  /** Milliseconds for which a probe said nothing while somebody listened; undefined for one that nobody listens for. */
  silentMs(probe: string): number | undefined
  /** Writes down how long each was silent, so that a kill forgets no more than what came after. */
  keep(): void
  /** The port that was listened on last; jobs know it. */
  port(): number | undefined
  listensOn(port: number): void
  close(): void
}

const fileName = 'heartbeats.db'

/** @param probes the names of all that are listened for; each counts from its first such opening. */
export function openSilences(directory: string, probes: readonly string[], clock: Clock): Silences {
  const database = openSynced(join(directory, fileName), tables)
  const openedMs = clock.now()
  const known = new Map(readRows(database).map((row) => [row.probe, row.silent_ms]))
  const states = new Map(probes.map((probe) => [probe, { silentMs: known.get(probe) ?? 0, countedMs: openedMs }]))
  const silentMs = (probe: string) => {
    const state = states.get(probe)
    return state && state.silentMs + Math.max(0, clock.now() - state.countedMs)
  }
  const write = (probe: string, ms: number) => {
    const nowMs = clock.now()
    database.prepare('INSERT OR REPLACE INTO silences VALUES (?, ?, ?)').run(probe, ms, nowMs)
    states.set(probe, { silentMs: ms, countedMs: nowMs })
  }
  const keep = () => {
    for (const probe of states.keys()) write(probe, silentMs(probe) ?? 0)
  }
  keep()
  return {
    heard: (probe) => write(probe, 0),
    silentMs,
    keep,
    port: () => z.object({ port: z.int() }).optional().parse(database.prepare('SELECT port FROM receiver').get())?.port,
    listensOn: (port) => {
      database.exec('DELETE FROM receiver')
      database.prepare('INSERT INTO receiver VALUES (?)').run(port)
    },
    close: () => {
      keep()
      database.close()
    },
  }
}

/** Whoever listens writes at least so often. */
export const keptEveryMs = 30_000
const listeningMs = 3 * keptEveryMs

/** How long a probe has been silent, asked from outside of the watch; undefined when nobody listens for it now. */
export function readSilence(directory: string, probe: string, nowMs: number): number | undefined {
  if (!existsSync(join(directory, fileName))) return undefined
  const database = openSynced(join(directory, fileName), tables)
  try {
    const row = readRows(database).find((one) => one.probe === probe)
    if (row === undefined || nowMs - row.counted_ms > listeningMs) return undefined
    return row.silent_ms + Math.max(0, nowMs - row.counted_ms)
  } finally {
    database.close()
  }
}

function readRows(database: DatabaseSync): z.infer<typeof rowSchema>[] {
  return z.array(rowSchema).parse(database.prepare('SELECT * FROM silences').all())
}
