import { type Command, Option } from 'commander'
import { timestamp } from '../clock.ts'
import { AvalError, failure } from '../errors.ts'
import { readableMs } from '../plan/readable-duration.ts'
import { formatBytes, formatDuration, parseDuration } from '../plan/units.ts'
import { externalServer } from '../postgres/external.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project } from '../project/project.ts'
import type { EngineBackup, RecoveryEngine } from '../recovery/engine.ts'
import type { VerifyReport } from '../recovery/repository/verify.ts'
import { noteChecked } from '../recovery/retention/checked.ts'
import { describeGap, needsBaseBackup, walGaps } from '../recovery/wal/wal-gaps.ts'
import { readRunState } from '../run/run-state.ts'
import { tellArchiveTrouble } from './archive-trouble.ts'
import { registerCopy } from './backup-copy.ts'
import { registerHold } from './backup-hold.ts'
import { registerPrune } from './backup-prune.ts'
import { registerShow } from './backup-show.ts'
import { registerStores } from './backup-stores.ts'
import { backupTable } from './backup-table.ts'
import { chooseSystems } from './choose-systems.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { type EngineFlags, openChosenEngine, withEngineOptions } from './engine-choice.ts'
import { moving } from './moving-line.ts'

interface Flags extends EngineFlags {
  all?: true
  json?: true
}

interface CreateFlags extends Flags {
  label?: string
  rule?: string
  kind?: 'full' | 'incremental' | 'differential'
  databaseUrlFrom?: string
}

export function registerBackup(program: Command, context: CommandContext): void {
  const backup = program
    .command('backup')
    .description('Takes, lists, verifies, holds and removes encrypted backups of a database.')
    .addHelpText(
      'after',
      `
Example:
  aval backup create medtime
  aval backup list medtime
  aval backup verify medtime

docs/backups.md tells what is kept where, and what to do with the key.`,
    )

  withOptions(backup.command('create'))
    .description('Takes a base backup of the running server; it counts only once all WAL it needs is stored as well.')
    .option('--label <text>', 'what it is called in the list')
    .option('--rule <name>', 'the entry of recovery.backups it is taken by, which then decides how long it is kept')
    .addOption(
      new Option(
        '--kind <kind>',
        "full unless told, or what the rule's type says; incremental: what changed since the newest",
      ).choices(['full', 'incremental', 'differential']),
    )
    .option('--database-url-from <VARIABLE>', 'environment variable that holds the URL of another server')
    .addHelpText(
      'after',
      `
Example:
  aval up medtime &
  aval backup create medtime --label 'before the move'
  aval backup create medtime --rule hourly

Exit codes: 0 it is complete, 1 it failed and nothing of it is left, 2 the command line is wrong.`,
    )
    .action((name: string | undefined, flags: CreateFlags) => create(name, flags, context))

  withOptions(backup.command('list'))
    .description('Lists the complete backups and the moments that can be restored.')
    .addHelpText(
      'after',
      `
Example:
  aval backup list medtime --json

Exit codes: 0 told, 1 the repository cannot be read, 2 the command line is wrong.`,
    )
    .action((name: string | undefined, flags: Flags) => list(name, flags, context))

  withOptions(backup.command('verify'))
    .description('Reads every object to its last byte and names all that is damaged, missing or strange.')
    .option('--newest-within <time>', 'the newest backup may be no older than this, such as 25h')
    .addHelpText(
      'after',
      `
Example:
  aval backup verify --all

Exit codes: 0 sound, 1 something is wrong, 2 the command line is wrong.`,
    )
    .action((name: string | undefined, flags: VerifyFlags) => verify(name, flags, context))

  registerShow(backup, context)
  registerCopy(backup, context)
  registerStores(backup, context)
  registerPrune(backup, context)
  registerHold(backup, context)
}

function withOptions(command: Command): Command {
  return withEngineOptions(command)
    .argument('[system]', 'name of the system')
    .option('--all', 'every system of the project')
    .option('--json', 'prints one JSON array')
}

async function chosen(name: string | undefined, flags: Flags, context: CommandContext, command: string) {
  const project = await findProject(context.cwd, context.home)
  return { project, systems: chooseSystems(project, name, flags.all === true, command) }
}

async function create(name: string | undefined, flags: CreateFlags, context: CommandContext): Promise<void> {
  const { project, systems } = await chosen(name, flags, context, 'backup create')
  const taken: EngineBackup[] = []
  for (const system of systems) {
    const ofRule = flags.rule === undefined ? undefined : await kindOfRule(project, system, flags.rule)
    const kind = flags.kind ?? ofRule
    const url = serverUrl(project, system, flags.databaseUrlFrom)
    const engine = await openChosenEngine(project, system, flags, context, true)
    const server = await externalServer(url)
    const line = moving(context)
    const take = (of: typeof kind) =>
      engine.backup({
        server,
        ...(of === undefined ? {} : { kind: of }),
        signal: context.signal,
        onProgress: ({ bytes, totalBytes }) =>
          line.show(`${system}: ${formatBytes(bytes)} of about ${formatBytes(totalBytes)}`),
        ...(flags.label === undefined ? {} : { label: flags.label }),
        ...(flags.rule === undefined ? {} : { rule: flags.rule }),
      })
    const backup = await take(kind)
      .catch((error: unknown) => {
        // Asked for by a schedule, which must not go without a backup until somebody comes.
        if (flags.kind !== undefined || kind !== 'incremental' || !needsFull(error)) throw error
        context.err(`${system}: ${error.message}\n${error.next}\nA full backup is taken instead.\n`)
        return take('full')
      })
      .finally(line.end)
    taken.push(backup)
    if (!flags.json) context.out(`${system}: ${describe(backup)}\n`)
  }
  if (flags.json) printJson(context, taken.map(inFull))
}

const noIncremental: ReadonlySet<string> = new Set([
  'BACKUP_NO_PARENT',
  'BACKUP_SUMMARIES_MISSING',
  'BACKUP_SUMMARIES_OFF',
  'BACKUP_INCREMENTAL_TOO_OLD',
])

function needsFull(error: unknown): error is AvalError {
  return error instanceof AvalError && noIncremental.has(error.code)
}

/**
 * What a rule of the plan takes; undefined where it leaves that to the engine.
 * @throws USAGE naming the rules there are: a backup of a rule that is not there would be kept by nobody's decision.
 */
async function kindOfRule(project: Project, system: string, rule: string): Promise<'incremental' | undefined> {
  const { backups } = (await loadSystem(project, system)).plan.recovery
  const rules = Object.keys(backups).filter((name) => backups[name]?.of === 'database')
  if (rules.includes(rule)) return backups[rule]?.type === 'incremental' ? 'incremental' : undefined
  throw usage(
    'backup create',
    `The plan of ${system} has no backup "${rule}" of the database; it has ${rules.join(', ') || 'none'}.`,
  )
}

/** The server to back up: whose URL a variable holds, or the one `aval up` runs. */
function serverUrl(project: Project, system: string, variable: string | undefined): string {
  if (variable !== undefined) {
    const url = process.env[variable]
    if (url === undefined || !URL.canParse(url)) throw failure('BACKUP_NO_URL', { variable })
    return url
  }
  const running = readRunState(project, system)
  if (!running) throw failure('BACKUP_NOTHING_RUNS', { system })
  return running.adminUrl
}

async function list(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const { project, systems } = await chosen(name, flags, context, 'backup list')
  const listed: EngineBackup[] = []
  for (const system of systems) {
    const engine = await openToRead(project, system, flags, context)
    if (!engine) continue
    const backups = await engine.list()
    listed.push(...backups)
    const behind = await tellArchiveTrouble(project, system, engine, flags, context)
    if (flags.json) continue
    const lines = backups.length === 0 ? '' : `${backupTable(backups, context.clock.now())}\n`
    context.out(`${system}, ${engine.place}\n${lines}${await moments(engine, behind)}\n`)
  }
  if (flags.json) printJson(context, listed.map(inFull))
}

/** Which moments can be restored, in words. */
async function moments(engine: RecoveryEngine, behind: boolean): Promise<string> {
  const window = await engine.window()
  if (!window) return 'No moment can be restored yet.'
  const [from, to] = [timestamp(window.from), timestamp(window.to)]
  const gaps = engine.name === 'native' ? await walGaps(engine.repository) : []
  if (gaps.length > 0) {
    const next = needsBaseBackup(gaps)
      ? 'Take one now: aval backup create'
      : behind
        ? ''
        : 'The latest state can be restored.'
    return `Any moment from ${from} to ${to} can be restored, but:\n${gaps.map((gap) => `  ${describeGap(gap)}\n`).join('')}${next}`
  }
  return engine.pointInTime
    ? `Any moment from ${from} to ${to} can be restored${behind ? '.' : ', and the latest state.'}`
    : `The moments of these dumps can be restored, from ${from} to ${to}; what is written after the newest is lost with the server.`
}

/** Everything that is known of a backup, as its engine keeps it. */
function inFull(backup: EngineBackup): unknown {
  if (backup.engine !== 'pgbackrest') return backup.detail
  const { detail, ...common } = backup
  return { ...common, ...detail }
}

function describe(backup: EngineBackup): string {
  const parts = [
    backup.id,
    `Postgres ${backup.postgres.version}`,
    `${formatBytes(backup.bytes)} in ${formatBytes(backup.storedBytes)}`,
    backup.engine === 'pgbackrest'
      ? backup.kind
      : backup.kind === 'incremental'
        ? 'incremental'
        : `${backup.detail.files} files`,
    `took ${readableMs(backup.stoppedAt - backup.startedAt)}`,
    ...(backup.label === '' ? [] : [`"${backup.label}"`]),
  ]
  return parts.join('  ')
}

interface VerifyFlags extends Flags {
  newestWithin?: string
}

async function verify(name: string | undefined, flags: VerifyFlags, context: CommandContext): Promise<void> {
  const { project, systems } = await chosen(name, flags, context, 'backup verify')
  const limit = flags.newestWithin === undefined ? undefined : parseDuration(flags.newestWithin)
  if (flags.newestWithin !== undefined && limit === undefined)
    throw usage('backup verify', `"${flags.newestWithin}" is no time such as 25h.`)
  const reports: ({ system: string; newest: string | null; newestAgeMs: number | null } & VerifyReport)[] = []
  for (const system of systems) {
    const engine = await openToRead(project, system, flags, context)
    if (!engine) continue
    await tellArchiveTrouble(project, system, engine, flags, context)
    const line = moving(context)
    const report = await engine
      .verify({
        signal: context.signal,
        onProgress: ({ objects, key }) => line.show(`${system}: ${objects} objects read, now ${key}`),
      })
      .finally(line.end)
    const newest = (await engine.list({ openable: true })).at(-1)
    const age = newest && Math.max(0, context.clock.now() - newest.stoppedAt)
    reports.push({ system, newest: newest?.id ?? null, newestAgeMs: age ?? null, ...report })
    const tooOld = limit !== undefined && (age === undefined || age > limit)
    if (tooOld) context.exitWith(1)
    // A repository that may only be read is verified all the same.
    await noteChecked(engine.repository, report, context.clock.now()).catch(() => undefined)
    if (!report.sound) context.exitWith(1)
    if (!flags.json) {
      context.out(tell(system, report))
      if (newest && report.backups.some(({ id, sound }) => id === newest.id && sound))
        context.out(
          `  key ${engine.repository.keyId} opens the newest backup, ${formatDuration(roughly(age ?? 0))} old\n`,
        )
      if (tooOld)
        context.out(`  The newest backup is older than ${formatDuration(limit)}: aval backup create ${system}\n`)
    }
  }
  if (flags.json) printJson(context, reports)
}

/** To the minute, since nobody reads milliseconds of an age. */
function roughly(ms: number): number {
  return ms < 60_000 ? Math.round(ms / 1_000) * 1_000 : Math.round(ms / 60_000) * 60_000
}

function tell(system: string, report: VerifyReport): string {
  const closed = report.problems.filter(({ kind }) => kind === 'other-key').length
  const worse = report.problems.some(({ kind }) => kind === 'damaged' || kind === 'missing' || kind === 'unknown')
  const unjudged = `not judged, since ${closed} objects were sealed with a key that this key file does not hold`
  const verdict = report.sound ? 'sound' : closed > 0 && !worse ? unjudged : 'not sound'
  const head = `${system}: ${verdict}; ${report.objects} objects, ${formatBytes(report.bytes)}, ${closed === 0 ? 'every byte read' : 'what opens was read'}.\n`
  const problems = report.problems.map(({ key, kind, says, backups }) => {
    const affected = backups.length === 0 ? '' : `\n    affects ${backups.join(', ')}`
    return `  ${kind}  ${key}\n    ${says}${affected}\n`
  })
  const backups = report.backups.map(({ id, sound }) => `  backup ${id}  ${sound ? 'sound' : 'not sound'}\n`)
  return head + problems.join('') + backups.join('')
}

/** Asked about every system, one without a repository is told and passed over. */
async function openToRead(
  project: Project,
  system: string,
  flags: Flags,
  context: CommandContext,
): Promise<RecoveryEngine | undefined> {
  try {
    return await openChosenEngine(project, system, flags, context, false)
  } catch (error) {
    if (!flags.all || !(error instanceof AvalError) || error.code !== 'REPOSITORY_ABSENT') throw error
    context.err(`${system}: no repository yet\n`)
    return undefined
  }
}
