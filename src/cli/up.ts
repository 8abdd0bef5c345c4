import { existsSync } from 'node:fs'
import { type Command, Option } from 'commander'
import type { Clock } from '../clock.ts'
import { describeError } from '../errors.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project, System } from '../project/project.ts'
import { readPair } from '../recovery/standby/pair.ts'
import { promisesRecovery, recordedErasures, repositoryDirectory, repositoryKeyFile } from '../run/archive.ts'
import { defaultRestartPolicy, type RestartPolicy } from '../run/backoff.ts'
import { type Copies, startCopies } from '../run/copies.ts'
import { type Environment, startEnvironment } from '../run/environment.ts'
import { type KeptArchive, keepArchive, withoutArchive } from '../run/keep-archive.ts'
import { keepServerUp } from '../run/keep-server-up.ts'
import { type KeepStandbyOptions, keepStandby, promoteAlone } from '../run/keep-standby.ts'
import { keptKeys } from '../run/kept-keys.ts'
import { pairFile } from '../run/pair-file.ts'
import { protectionSettings } from '../run/protection.ts'
import { psqlCommand, removePsqlServices, writePsqlServices } from '../run/psql-service.ts'
import { developmentDirectory, removeRunState, writeRunState } from '../run/run-state.ts'
import { environmentStandby } from '../run/standby.ts'
import { jobsOf } from '../schedule/job.ts'
import { openJournal } from '../schedule/journal.ts'
import { startSchedule } from '../schedule/run-schedule.ts'
import { chooseSystems } from './choose-systems.ts'
import type { CommandContext } from './command.ts'
import { snapshotBefore } from './migration-snapshot.ts'
import { runAval } from './run-aval.ts'
import { watchBeside } from './watch-beside.ts'

export function registerUp(program: Command, context: CommandContext): void {
  program
    .command('up')
    .argument('[system]', 'the system to run; the one you stand in, or the only one, unless told')
    .option('--all', 'every system of the project at once')
    .option('--without-archive', 'runs it with a key that cannot be opened; what it writes cannot be restored')
    .option('--no-schedule', 'leaves backups and drills to somebody else')
    .option('--no-watch', 'measures nothing, tells nobody')
    .addOption(new Option('--scratch', 'as provers run systems').hideHelp())
    .description('Runs a system until Ctrl-C: Postgres, migrations and services. A second start keeps the data.')
    .addHelpText(
      'after',
      `
Example:
  aval up medtime

A system whose plan promises recovery does not start while its key is locked: set AVAL_PASSPHRASE_FILE or AVAL_IDENTITY_FILE.
Data and backups lie in .aval/<system>; run as root, the database may lie below /var/lib/aval. docs/running.md says how to begin anew.
Exit codes: 0 ended by Ctrl-C, 1 it could not start, 2 the command line is wrong or the key is locked.`,
    )
    .action((system: string | undefined, flags: Flags) => up(system, flags, context))
}

interface Flags {
  all?: true
  withoutArchive?: true
  schedule: boolean
  watch: boolean
  /** For whoever kills it on purpose: on any ports, no client limited, and what served a second does not count as crashing. */
  scratch?: true
}

const scratchRestarts: RestartPolicy = { ...defaultRestartPolicy, steadyMs: 1_000 }

async function up(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const project = await findProject(context.cwd, context.home)
  const names = chooseSystems(project, name, flags.all === true, 'up')
  const systems = await Promise.all(names.map((each) => loadSystem(project, each)))
  // Ctrl-C ends all of them, and so does the failure of one.
  const failed = new AbortController()
  const signal = AbortSignal.any([context.signal, failed.signal])
  const running = systems.map((system) =>
    run(system, project, { ...context, signal }, systems.length > 1 ? `${system.name} | ` : '', flags).catch(
      (error: unknown) => {
        failed.abort(error)
        throw error
      },
    ),
  )
  await Promise.allSettled(running)
  await Promise.all(running)
}

/** Runs one system until the context's signal. Nothing of it is left when this returns or throws. */
async function run(
  system: System,
  project: Project,
  context: CommandContext,
  prefix: string,
  flags: Flags,
): Promise<void> {
  const log = (line: string) => context.err(`${prefix}${line}\n`)
  const { clock, signal } = context
  const directory = developmentDirectory(project, system.name)
  const keyFile = repositoryKeyFile(project, system.name)
  const keys = keptKeys(keyFile)
  if (promisesRecovery({ system }) && !flags.withoutArchive && existsSync(keyFile)) {
    await keys().catch((error: unknown) => {
      log('It was not started, since nothing it writes could be restored. --without-archive starts it all the same.')
      throw error
    })
  }
  const standby = environmentStandby({
    system,
    directory,
    clock,
    log,
    erasures: recordedErasures(project, system, clock, keys),
  })
  const declared = system.plan.recovery.standby
  // Whoever has no standby and plans none does not pay for an address that could move.
  const databaseAddress = declared !== undefined || (await readPair(pairFile(directory))) !== undefined
  const restart = flags.scratch ? scratchRestarts : defaultRestartPolicy
  let environment: Environment
  try {
    environment = await startEnvironment({
      system,
      directory,
      environment: flags.scratch ? 'scratch' : 'development',
      restart,
      clock,
      log,
      signal,
      databaseAddress,
      serverSettings: await protectionSettings(system, { project, clock, keys }),
      openServer: standby.open,
      beforeMigration: (pending, url) => snapshotBefore({ project, system, url, pending, waived: undefined, context }),
    })
  } catch (error) {
    await standby.stop()
    // Ctrl-C during the start: everything was stopped again, which is what was asked for.
    if (signal.aborted && error === signal.reason) return
    throw error
  }
  // Ended from the last to the first: whoever reads the state must not find a server that is going away, and the archive
  // receives what the services still write.
  await using ending = new AsyncDisposableStack()
  ending.defer(() => standby.stop())
  ending.defer(() => environment.stop())
  const stopping = new AbortController()
  let copies: Copies | undefined
  /** What follows from an archive that runs, at the start or once it could be started. */
  const stores = () => {
    if (stopping.signal.aborted || archive === undefined || archive.trouble() !== undefined) return
    copies ??= startCopies({ project, system, clock, log })
    state()
  }
  const archive = await startedArchive({ project, environment, clock, log, keys, onStarted: () => stores() }, flags)
  const state = () => {
    const stored = archive !== undefined && archive.trouble() === undefined
    writeRunState(project, environment, stored ? repositoryDirectory(project, system.name) : undefined)
    writePsqlServices(directory, environment.database)
  }
  const keeping: KeepStandbyOptions = {
    environment,
    standby,
    clock,
    log,
    synchronous: declared?.synchronous ?? false,
    maximumLagMs: declared?.maximumLag ?? 0,
    onPromoted: async () => {
      await archive?.restart()
      state()
    },
    signal: stopping.signal,
  }
  const standIn =
    declared?.promoteAfter === undefined
      ? undefined
      : { afterMs: declared.promoteAfter, take: () => promoteAlone(keeping) }
  const keeper = keepServerUp(environment, clock, log, restart, standIn)
  ending.defer(keeper.stop)
  ending.defer(async () => archive?.stop())
  ending.defer(async () => copies?.stop())
  ending.defer(() => environment.stopServices())
  state()
  ending.defer(() => {
    removeRunState(project, system.name)
    removePsqlServices(directory)
  })
  stores()
  const kept = keepStandby(keeping)
  ending.defer(async () => {
    stopping.abort()
    await kept
  })
  const planned = flags.schedule ? scheduled(project, environment, clock, log) : undefined
  if (planned) ending.defer(planned.stop)
  context.out(addresses(environment, archive))
  // Ended first of all: what follows is meant, and nobody is to be told of it.
  if (flags.watch && !flags.scratch) ending.defer(watchBeside({ project, system }, log, context).stop)
  await Promise.race([aborted(signal), keeper.failed])
  log('stopping')
}

/** The archive, when the plan promises recovery and nobody left it out. */
async function startedArchive(
  options: Parameters<typeof keepArchive>[0],
  { withoutArchive: leftOut }: Flags,
): Promise<KeptArchive | undefined> {
  if (!promisesRecovery(options.environment)) return undefined
  return leftOut ? withoutArchive(options) : keepArchive(options)
}

/** What the plan wants done by the calendar, for as long as the system runs. */
function scheduled(
  project: Project,
  environment: Environment,
  clock: Clock,
  log: (line: string) => void,
): { stop(): Promise<void> } | undefined {
  const { jobs } = jobsOf(environment.system.plan)
  if (jobs.length === 0) return undefined
  const journal = openJournal(developmentDirectory(project, environment.system.name), clock)
  const schedule = startSchedule({
    jobs,
    journal,
    clock,
    log: (line) => log(`schedule | ${line}`),
    run: (command, signal) => runAval(command, project.root, signal, (line) => log(`schedule | ${line}`)),
  })
  return {
    stop: async () => {
      await schedule.stop()
      journal.close()
    },
  }
}

/** Where everything is, for a person: no credentials among it. */
function addresses(environment: Environment, archive: KeptArchive | undefined): string {
  const { adminUrl } = environment.database
  const url = new URL(adminUrl)
  const rows = [
    ...Object.entries(environment.addresses()),
    ['database', `postgresql://${url.username}@${url.host}${url.pathname}`] as const,
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, address]) => `  ${name.padEnd(width)}  ${address}`)
  return `${environment.system.name} runs:
${lines.join('\n')}
Look into the database; its password stays in files that you alone can read, and on no command line:
  ${psqlCommand(environment.directory)}
${archived(environment.system.name, archive)}`
}

/** What is kept of what it writes. When nothing is, that is the last thing said, and not to be missed. */
function archived(system: string, archive: KeptArchive | undefined): string {
  const end = 'Ctrl-C ends it.\n'
  if (archive === undefined) return end
  const trouble = archive.trouble()
  if (trouble === undefined)
    return `Its WAL is kept: from its first backup on, any moment can be restored.
  aval backup create ${system}   takes a backup
  aval backup list ${system}     shows those there are, and the window they reach over
${end}`
  return `${end}NO ARCHIVE: NOTHING THAT ${system.toUpperCase()} WRITES NOW CAN BE RESTORED.\n${describeError(trouble)}\n`
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
