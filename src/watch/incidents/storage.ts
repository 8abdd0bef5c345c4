import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { openSynced } from '../../synced-file.ts'
import { type Happened, type IncidentEvent, incidentEventSchema } from './event.ts'
import { type Incident, incidentOf } from './incident.ts'

/*
 * The file of incidents: events only, each synced before anybody is told that it was taken. The triggers keep accidents away.
 */

const schema = `
CREATE TABLE IF NOT EXISTS events (
  sequence INTEGER PRIMARY KEY,
  incident INTEGER NOT NULL,
  at_ms    INTEGER NOT NULL,
  event    TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS events_by_incident ON events (incident, sequence);
CREATE TRIGGER IF NOT EXISTS events_are_not_edited BEFORE UPDATE ON events
  BEGIN SELECT RAISE(ABORT, 'incidents only grow'); END;
CREATE TRIGGER IF NOT EXISTS events_are_not_removed BEFORE DELETE ON events
  BEGIN SELECT RAISE(ABORT, 'incidents only grow'); END;
`

const rowSchema = z.object({
  incident: z.int(),
  at_ms: z.int(),
  event: z.string().transform((text) => incidentEventSchema.parse(JSON.parse(text))),
})

export function openIncidentFile(directory: string): DatabaseSync {
  return openSynced(join(directory, 'incidents.db'), schema)
}

export function append(database: DatabaseSync, incident: number, atMs: number, event: IncidentEvent): void {
  database
    .prepare('INSERT INTO events (incident, at_ms, event) VALUES (?, ?, ?)')
    .run(incident, atMs, JSON.stringify(incidentEventSchema.parse(event)))
}

export function nextNumber(database: DatabaseSync): number {
  const row = database.prepare('SELECT coalesce(max(incident), 0) + 1 AS next FROM events').get()
  return z.object({ next: z.int() }).parse(row).next
}

/** Every incident, oldest first. */
export function readIncidents(database: DatabaseSync): Incident[] {
  const byNumber = new Map<number, Happened[]>()
  for (const row of database.prepare('SELECT incident, at_ms, event FROM events ORDER BY sequence').iterate()) {
    const { incident, at_ms, event } = rowSchema.parse(row)
    const events = byNumber.get(incident)
    if (events) events.push({ atMs: at_ms, event })
    else byNumber.set(incident, [{ atMs: at_ms, event }])
  }
  return [...byNumber].flatMap(([number, events]) => incidentOf(number, events) ?? [])
}
