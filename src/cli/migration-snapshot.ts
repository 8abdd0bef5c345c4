import { failure } from '../errors.ts'
import { formatBytes } from '../plan/units.ts'
import { withClient } from '../postgres/connection.ts'
import type { Migration } from '../postgres/migrations/migration.ts'
import type { Project, System } from '../project/project.ts'
import { createBackup } from '../recovery/backup/base-backup.ts'
import type { CommandContext } from './command.ts'
import { moving } from './moving-line.ts'
import { openChosen } from './repository-choice.ts'

/**
 * Takes the backup that the plan wants before a migration, or says why there is none to take. What it throws stops the migration
 * before its first change.
 * @param options.waived the reason of a person who goes without; undefined when nobody asked to.
 * @throws SNAPSHOT_REASON, and whatever keeps a backup from being complete.
 */
export async function snapshotBefore(options: {
  project: Project
  system: System
  /** A role that may take a base backup. */
  url: string
  pending: readonly Migration[]
  waived: string | undefined
  context: CommandContext
}): Promise<void> {
  const { project, system, url, pending, context } = options
  const wanted = Object.entries(system.plan.recovery.backups).find(
    ([, backup]) => backup.of === 'database' && backup.on === 'migration',
  )
  if (!wanted) return
  const [rule] = wanted
  const say = (text: string) => context.err(`${system.name}: ${text}\n`)
  if (options.waived !== undefined) {
    if (options.waived.trim() === '') throw failure('SNAPSHOT_REASON', { rule })
    return say(`no snapshot was taken: ${options.waived.trim()}`)
  }
  if (!(await holdsData(url))) return say('no snapshot was taken: no table holds anything yet')
  const repository = await openChosen(project, system.name, {}, context, true)
  const line = moving(context)
  const [first] = pending
  const info = await createBackup({
    url,
    repository,
    clock: context.clock,
    signal: context.signal,
    rule,
    label: `before ${first?.name ?? 'a migration'}`,
    onProgress: ({ bytes, totalBytes }) =>
      line.show(`${system.name}: snapshot, ${formatBytes(bytes)} of about ${formatBytes(totalBytes)}`),
  }).finally(line.end)
  say(`snapshot ${info.id} taken first (${rule}), ${formatBytes(info.databaseBytes)}`)
}

/** Whether any table of a person's making takes room. Sizes, not rows: row security would hide those from the owner. */
async function holdsData(url: string): Promise<boolean> {
  return withClient(url, async (client) => {
    const { rows } = await client.query(
      `SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND pg_relation_size(c.oid) > 0
         AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') LIMIT 1`,
    )
    return rows.length > 0
  })
}
