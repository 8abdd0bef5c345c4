import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import { failure } from '../errors.ts'
import { formatBytes, formatDuration } from '../plan/units.ts'
import { serverAccount } from '../postgres/account.ts'
import { type Binaries, findBinaries } from '../postgres/binaries.ts'
import { blockingAncestor } from '../postgres/place.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { System } from '../project/project.ts'
import { finishRestore } from '../recovery/finish-restore.ts'
import { listBackups } from '../recovery/list-backups.ts'
import { parseMoment } from '../recovery/moment.ts'
import { type RestoreResult, restore } from '../recovery/restore.ts'
import { rescueSpool } from '../recovery/spool-recovery.ts'
import { databaseName } from '../run/prepare-system.ts'
import { developmentDirectory } from '../run/run-state.ts'
import { chooseSystems } from './choose-systems.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { moving } from './moving-line.ts'
import { openChosen, type RepositoryFlags, withRepositoryOptions } from './repository-choice.ts'

interface Flags extends RepositoryFlags {
  at: string
  to: string
  backup?: string
  filesOnly?: true
  json?: true
}

export function registerRestore(program: Command, context: CommandContext): void {
  withRepositoryOptions(program.command('restore'))
    .argument('[system]', 'name of the system')
    .requiredOption('--at <time>', 'a moment with its time zone, or latest')
    .requiredOption('--to <directory>', 'the data directory to be: absent or empty')
    .option('--backup <id>', 'the backup to begin with; the newest before the moment unless told')
    .option('--files-only', 'leaves recovery to whoever starts the server on the directory')
    .option('--json', 'prints one JSON array')
    .description(
      'Restores a database into a new directory, recovers it to the moment, and runs what the plan wants run.',
    )
    .addHelpText(
      'after',
      `
Example:
  aval restore medtime --at latest --to /var/tmp/medtime
  aval restore medtime --at 2026-02-03T04:05:06Z --to /var/tmp/medtime
  aval restore medtime --at '2026-02-03 04:05:06+00' --to /var/tmp/medtime --json

Nothing is written when the moment, the key, the directory or an object is not right; the reason is told.
Exit codes: 0 restored and recovered, 1 it failed, 2 the command line is wrong or the moment cannot be restored.`,
    )
    .action((name: string | undefined, flags: Flags) => run(name, flags, context))
}

async function run(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const at = parseMoment(flags.at)
  if (flags.to.trim() === '') throw usage('restore', '--to is empty; name the directory to restore into.')
  const to = resolve(context.cwd, flags.to)
  const project = await findProject(context.cwd, context.home)
  const [only = ''] = chooseSystems(project, name, false, 'restore')
  const system = await loadSystem(project, only)
  const repository = await openChosen(project, only, flags, context, false)
  // What a receiver that died together with its server had received, but not stored yet.
  await rescueSpool({ repository, spool: join(developmentDirectory(project, only), 'spool') })
  // Looked for before anything is written: files nobody can start would be no restore.
  const major = (await listBackups(repository)).at(-1)?.postgres.major
  const binaries = flags.filesOnly || major === undefined ? undefined : await binariesFor(system, major)
  if (binaries) await requireReachable(to)

  const line = moving(context)
  const result = await restore({
    repository,
    to,
    at,
    clock: context.clock,
    signal: context.signal,
    onProgress: ({ bytes, totalBytes }) => line.show(`${formatBytes(bytes)} of ${formatBytes(totalBytes)} written`),
    ...(flags.backup === undefined ? {} : { backup: flags.backup }),
  }).finally(line.end)
  const began = context.clock.now()
  if (binaries) await recover(system, result, binaries, context)
  const recoveredMs = context.clock.now() - began
  if (flags.json) {
    const { backup, ...rest } = result
    printJson(context, [
      { system: only, ...rest, backup: backup.id, recovered: binaries !== undefined, recoveryMs: recoveredMs },
    ])
    return
  }
  context.out(describe(only, result, binaries ? recoveredMs : undefined))
}

async function recover(
  system: System,
  result: RestoreResult,
  binaries: Binaries,
  context: CommandContext,
): Promise<void> {
  const database = databaseName(system.name)
  const server = await finishRestore({
    dataDirectory: result.dataDirectory,
    binaries,
    clock: context.clock,
    afterRestore: system.plan.recovery.afterRestore,
    database,
    owner: system.plan.database?.owner ?? `${database}_owner`,
  })
  await server.stop()
}

/** The server that wrote the backup or its like: a data directory belongs to one major version. */
async function binariesFor(system: System, major: number): Promise<Binaries> {
  const declared = system.plan.database?.servers['development']
  const first = declared === 'installed' ? 'installed' : 'embedded'
  const second = first === 'installed' ? 'embedded' : 'installed'
  return findBinaries(first, { major }).catch(() => findBinaries(second, { major }))
}

async function requireReachable(directory: string): Promise<void> {
  const account = serverAccount()
  const ancestor = account && (await blockingAncestor(directory, account))
  if (account && ancestor !== undefined) {
    throw failure('POSTGRES_PLACE_UNREACHABLE', { path: directory, ancestor, account: account.name })
  }
}

function describe(system: string, result: RestoreResult, recoveredMs: number | undefined): string {
  const moment = result.at === 'latest' ? `the latest state, WAL up to ${result.endLsn}` : timestamp(result.at)
  const files = `${result.files} files, ${formatBytes(result.bytes)}, each checked, in ${formatDuration(result.tookMs)}`
  const recovery =
    recoveredMs === undefined
      ? 'It recovers to the moment when a server is started on it; what the plan wants run after a restore was not run.'
      : `Recovered and stopped again in ${formatDuration(recoveredMs)}; what the plan wants run after a restore was run.`
  return `${system}: ${moment} is in ${result.dataDirectory}
  from backup ${result.backup.id}: ${files}
  ${recovery}
`
}
