import { resolve } from 'node:path'
import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import { failure } from '../errors.ts'
import { readableMs } from '../plan/readable-duration.ts'
import { formatBytes } from '../plan/units.ts'
import { serverAccount } from '../postgres/account.ts'
import type { Binaries } from '../postgres/binaries.ts'
import { blockingAncestor } from '../postgres/place.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { System } from '../project/project.ts'
import { meantBackup } from '../recovery/backup/backup-id.ts'
import type { EngineBackup, EngineRestore, RecoveryEngine } from '../recovery/engine.ts'
import type { LeftBranch } from '../recovery/restore/left-branch.ts'
import { parseMoment } from '../recovery/restore/moment.ts'
import { serverForBackup } from '../recovery/restore/server-for-backup.ts'
import { readPair } from '../recovery/standby/pair.ts'
import { pairFile } from '../run/pair-file.ts'
import { databaseName } from '../run/prepare-system.ts'
import { developmentDirectory } from '../run/run-state.ts'
import { primaryDirectory } from '../run/standby.ts'
import { afterRestore } from './after-restore.ts'
import { tellArchiveTrouble } from './archive-trouble.ts'
import { chooseSystem } from './choose-systems.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { type EngineFlags, openChosenEngine, withEngineOptions } from './engine-choice.ts'
import { moving } from './moving-line.ts'
import { parseCount } from './numbers.ts'
import { takesSpool } from './repository-choice.ts'
import { describePlaced, destinationAt, destinationInPlace } from './restore-in-place.ts'
import { serveRestored } from './serve-restored.ts'

interface Flags extends EngineFlags {
  at: string
  to?: string
  inPlace?: true
  backup?: string
  timeline?: number
  filesOnly?: true
  serve?: true
  json?: true
}

export function registerRestore(program: Command, context: CommandContext): void {
  withEngineOptions(program.command('restore'))
    .argument('[system]', 'name of the system')
    .requiredOption('--at <time>', 'a moment with its time zone, latest, or backup: the backup as it was made')
    .option('--to <directory>', 'the data directory to be: absent or empty')
    .option('--in-place', 'puts it where `aval up` begins, and the lost data aside; not while it runs')
    .option(
      '--backup <id>',
      'the backup to begin with, or the beginning of its id; the newest before the moment unless told',
    )
    .option(
      '--timeline <number>',
      'follows a branch that an earlier restore left behind; the newest unless told, or that of --backup',
      parseCount,
    )
    .option('--serve', 'runs what was restored until Ctrl-C, to look into it')
    .option('--files-only', 'leaves recovery to whoever starts the server on the directory')
    .option('--json', 'prints one JSON array')
    .description(
      'Restores a database into a new directory, recovers it to the moment, and runs what the plan wants run.',
    )
    .addHelpText(
      'after',
      `
Example:
  aval restore medtime --at latest --in-place
  aval restore medtime --at latest --to /var/tmp/medtime
  aval restore medtime --at 2026-02-03T04:05:06Z --to /var/tmp/medtime --serve
  aval restore medtime --at '2026-02-03 04:05:06+00' --to /var/tmp/medtime --json
  aval restore medtime --at 2026-02-03T04:05:06Z --timeline 1 --to /var/tmp/medtime
  aval restore medtime --at backup --backup 20260203T040506Z-1a2b3c4d --to /var/tmp/medtime

Nothing is written when the moment, the key, the directory or an object is not right; the reason is told.
Exit codes: 0 restored and recovered, 1 it failed, 2 the command line is wrong or the moment cannot be restored.`,
    )
    .action((name: string | undefined, flags: Flags) => run(name, flags, context))
}

async function run(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const asked = flags.at === 'backup' ? undefined : parseMoment(flags.at)
  const { to } = flags
  if ((to === undefined) === (flags.inPlace === undefined))
    throw usage('restore', 'Name the directory to restore into with --to, or say --in-place; one of the two.')
  if (to?.trim() === '') throw usage('restore', '--to is empty; name the directory to restore into.')
  if (flags.inPlace && flags.filesOnly)
    throw usage('restore', '--files-only leaves a directory that is not recovered, which cannot be put in place.')
  if (flags.serve && (flags.inPlace || flags.filesOnly || flags.json))
    throw usage('restore', '--serve goes with --to alone: a directory that is recovered, and a person who looks.')
  const project = await findProject(context.cwd, context.home)
  const only = chooseSystem(project, name, 'restore')
  const system = await loadSystem(project, only)
  using destination =
    to === undefined ? await destinationInPlace(project, only, context) : destinationAt(resolve(context.cwd, to))
  const { taken } = destination
  if (taken) {
    if (flags.json) printJson(context, [{ system: only, interrupted: true, placed: taken }])
    else context.out(`${only}: a restore that was interrupted is in place now.\n${describePlaced(only, taken)}`)
    return
  }
  const directory = await destination.directory()
  const engine = await openChosenEngine(project, only, flags, context, false)
  if (flags.timeline !== undefined && engine.name !== 'native')
    throw usage('restore', `--timeline is for backups of the native engine; these are of ${engine.name}.`)
  if (takesSpool(flags)) await engine.rescue()
  if (flags.at === 'latest') await tellArchiveTrouble(project, only, engine, flags, context)
  // Looked for before anything is written: files nobody can start would be no restore.
  const backups = await engine.list({ openable: flags.backup !== undefined })
  const newest = backups.at(-1)
  const backup =
    flags.backup === undefined || backups.length === 0
      ? flags.backup
      : meantBackup(
          flags.backup,
          backups.map(({ id }) => id),
        )
  const at = asked ?? asMade(backups, backup)
  const needed = newest && !(flags.filesOnly && engine.name !== 'logical')
  const binaries = needed ? await binariesFor(system, newest) : undefined
  if (binaries) await requireReachable(directory)

  const line = moving(context)
  const result = await engine
    .restore({
      to: directory,
      at,
      wal: flags.filesOnly ? 'first' : 'meanwhile',
      signal: context.signal,
      onProgress: ({ bytes, totalBytes }) => line.show(`${formatBytes(bytes)} of ${formatBytes(totalBytes)} written`),
      onLeftBranch: (left) => context.err(describeLeft(only, at, left)),
      ...(backup === undefined ? {} : { backup }),
      ...(flags.timeline === undefined ? {} : { timeline: flags.timeline }),
      ...(binaries === undefined ? {} : { binaries }),
    })
    .finally(line.end)
  const began = context.clock.now()
  const recovered = binaries !== undefined && !flags.filesOnly
  if (recovered) await recover(engine, system, result, binaries, context)
  const recoveredMs = context.clock.now() - began
  const placed = await destination.place()
  const restored = placed ? { ...result, dataDirectory: placed.dataDirectory } : result
  if (flags.json) {
    printJson(context, [
      {
        system: only,
        ...inFull(restored, recovered),
        recovered,
        recoveryMs: recoveredMs,
        ...(placed ? { placed } : {}),
      },
    ])
    return
  }
  context.out(describe(only, restored, recovered ? recoveredMs : undefined))
  if (placed) return context.out(describePlaced(only, placed))
  if (!recovered) return
  if (flags.serve) {
    const { dataDirectory } = result
    await serveRestored({ dataDirectory, binaries, database: databaseName(only) }, context)
  }
  context.out(
    afterRestore({
      system: only,
      nowMs: context.clock.now(),
      at: flags.at,
      paired: (await readPair(pairFile(developmentDirectory(project, only)))) !== undefined,
      database: databaseName(only),
      dataDirectory: result.dataDirectory,
      live: await primaryDirectory(developmentDirectory(project, only)),
      binaries,
    }),
  )
}

function describeLeft(system: string, at: 'latest' | number, { timeline, until, from }: LeftBranch): string {
  const moment = at === 'latest' ? at : timestamp(at)
  const ended = at !== 'latest' && until < at
  const was = ended ? 'nothing ran, and the system had last been' : 'the system was'
  const goesOn = ended ? 'ended at' : 'goes on until'
  const way = ended ? `--timeline ${timeline} --at latest` : `--timeline ${timeline}`
  const state = from === undefined ? 'the state it branched off in' : `what was committed before ${timestamp(from)}`
  return `${system}: at ${moment} ${was} on timeline ${timeline}, which an earlier restore or promotion left behind and which ${goesOn} ${timestamp(until)}.
  The line that is followed has of that time only ${state}. For what the system showed then: ${way}.
`
}

/** The moment at which a backup is restored as it was made. */
function asMade(backups: readonly EngineBackup[], id: string | undefined): number {
  if (id === undefined) throw usage('restore', '--at backup needs --backup <id>: which one to restore as it was made.')
  const found = backups.find((backup) => backup.id === id)
  if (!found) throw failure('BACKUP_UNKNOWN', { id })
  return found.restoresFrom
}

/** Recovery removes the folder of the WAL once it has read it. */
function inFull({ backup, detail, ...common }: EngineRestore, recovered: boolean): object {
  const { at, dataDirectory, bytes, tookMs, behindMs } = common
  const gone = recovered ? { walDirectory: undefined } : {}
  return { at, dataDirectory, bytes, tookMs, behindMs, ...detail, ...gone, backup: backup.id }
}

async function recover(
  engine: RecoveryEngine,
  system: System,
  result: EngineRestore,
  binaries: Binaries,
  context: CommandContext,
): Promise<void> {
  const database = databaseName(system.name)
  const server = await engine.recover({
    dataDirectory: result.dataDirectory,
    binaries,
    clock: context.clock,
    afterRestore: system.plan.recovery.afterRestore,
    erasures: system.plan.recovery.erasures,
    database,
    owner: system.plan.database?.owner ?? `${database}_owner`,
  })
  await server.stop()
}

function binariesFor(system: System, backup: EngineBackup): Promise<Binaries> {
  const declared = system.plan.database?.servers['development']
  return serverForBackup(backup, declared === 'installed' ? 'installed' : 'embedded')
}

async function requireReachable(directory: string): Promise<void> {
  const account = serverAccount()
  const ancestor = account && (await blockingAncestor(directory, account))
  if (account && ancestor !== undefined) {
    throw failure('POSTGRES_PLACE_UNREACHABLE', { path: directory, ancestor, account: account.name })
  }
}

function describe(system: string, result: EngineRestore, recoveredMs: number | undefined): string {
  const end = result.engine === 'native' ? `, WAL up to ${result.detail.endLsn}` : ''
  const moment = result.at === 'latest' ? `the latest state${end}` : timestamp(result.at)
  const recovery =
    recoveredMs === undefined
      ? 'It recovers to the moment when a server is started on it; what the plan wants run after a restore was not run.'
      : `Recovered and stopped again in ${readableMs(recoveredMs)}; what the plan wants run after a restore was run.`
  const behind =
    result.behindMs === 0
      ? ''
      : `\n  It is the state of a dump, ${readableMs(result.behindMs)} older than asked for: what was written in between is lost.`
  return `${system}: ${moment} is in ${result.dataDirectory}
  from backup ${result.backup.id}: ${result.says}, in ${readableMs(result.tookMs)}${behind}
  ${recovery}
`
}
