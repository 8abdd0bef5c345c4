import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Project, System } from '../project/project.ts'
import { type ActionRun, openRunFile, readRuns } from '../watch/actions/runs.ts'
import { openAlertStore } from '../watch/alerts/alert-store.ts'
import type { AlertState } from '../watch/alerts/round.ts'
import type { Incident } from '../watch/incidents/incident.ts'
import { openIncidentFile, readIncidents } from '../watch/incidents/storage.ts'
import { entriesOf, type OutboxEntry, waiting } from '../watch/notify/outbox.ts'
import { openPagerFile } from '../watch/notify/storage.ts'
import { alertFile, watchDirectory } from '../watch/watch-directory.ts'

/** A system and the project that keeps what is known of it. */
export interface WatchedSystem {
  project: Project
  system: System
}

/** What watching wrote down about a system. Reading makes no file: where nothing was written, there is nothing. */
export interface WatchRecords {
  incidents(): Incident[]
  /** Undefined where no round of alerts was ever kept. */
  alerts(): AlertState | undefined
  /** Messages that reached nobody yet. */
  unsent(): OutboxEntry[]
  /** Messages that speak of a firing. */
  told(episode: string): OutboxEntry[]
  actions(): ActionRun[]
}

export function watchRecords({ project, system }: WatchedSystem): WatchRecords {
  const directory = watchDirectory(project, system.name)
  const reading = <T>(
    file: string,
    nothing: T,
    open: (directory: string) => ReturnType<typeof openRunFile>,
    read: (database: ReturnType<typeof openRunFile>) => T,
  ): T => {
    if (!existsSync(join(directory, file))) return nothing
    const database = open(directory)
    try {
      return read(database)
    } finally {
      database.close()
    }
  }
  return {
    incidents: () => reading('incidents.db', [], openIncidentFile, readIncidents),
    alerts: () => {
      const file = alertFile(project, system.name)
      if (!existsSync(file)) return undefined
      using store = openAlertStore(file)
      return store.state()
    },
    unsent: () => reading('pager.db', [], openPagerFile, waiting),
    told: (episode) => reading('pager.db', [], openPagerFile, (database) => entriesOf(database, episode)),
    actions: () => reading('actions.db', [], openRunFile, readRuns),
  }
}
