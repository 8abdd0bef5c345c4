import { readableMs } from '../plan/readable-duration.ts'
import { formatBytes } from '../plan/units.ts'
import type { EngineBackup } from '../recovery/engine.ts'
import { span } from '../recovery/retention/decision.ts'
import { type Column, table } from './layout.ts'

/** Backups for a person, oldest first: what a choice between them is made by. */
export function backupTable(backups: readonly EngineBackup[], now: number): string {
  const columns: readonly Column<EngineBackup>[] = [
    { title: 'backup', text: ({ id }) => id },
    { title: 'age', text: ({ stoppedAt }) => span(Math.max(0, now - stoppedAt)) },
    { title: 'kind', text: ({ kind }) => kind },
    { title: 'rule', text: ({ rule }) => rule ?? 'by hand' },
    { title: 'postgres', text: ({ postgres }) => postgres.version },
    { title: 'data', text: ({ bytes }) => formatBytes(bytes) },
    { title: 'stored', text: ({ storedBytes }) => formatBytes(storedBytes) },
    { title: 'took', text: ({ startedAt, stoppedAt }) => readableMs(stoppedAt - startedAt) },
    { title: 'label', text: ({ label }) => (label === '' ? '' : `"${label}"`) },
  ]
  // A column in which nothing stands only widens the line.
  const used = columns.filter(({ title, text }) => title !== 'label' || backups.some((backup) => text(backup) !== ''))
  return table(used, backups)
}
