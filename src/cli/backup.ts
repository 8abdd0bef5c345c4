import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import { AvalError, failure } from '../errors.ts'
import { formatBytes, formatDuration } from '../plan/units.ts'
import { findProject } from '../project/find-project.ts'
import type { Project } from '../project/project.ts'
import type { BackupInfo } from '../recovery/backup-info.ts'
import { createBackup } from '../recovery/base-backup.ts'
import { listBackups } from '../recovery/list-backups.ts'
import type { Repository } from '../recovery/repository.ts'
import { restoreWindow } from '../recovery/restore-point.ts'
import { type VerifyReport, verifyRepository } from '../recovery/verify.ts'
import { readRunState } from '../run/run-state.ts'
import { chooseSystems } from './choose-systems.ts'
import { type CommandContext, printJson } from './command.ts'
import { moving } from './moving-line.ts'
import { openChosen, type RepositoryFlags, withRepositoryOptions } from './repository-choice.ts'

interface Flags extends RepositoryFlags {
  all?: true
  json?: true
}

interface CreateFlags extends Flags {
  label?: string
  databaseUrlFrom?: string
}

export function registerBackup(program: Command, context: CommandContext): void {
  const backup = program
    .command('backup')
    .description('Takes, lists and verifies encrypted backups of a database.')
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
    .option('--database-url-from <VARIABLE>', 'environment variable that holds the URL of another server')
    .addHelpText(
      'after',
      `
Example:
  aval up medtime &
  aval backup create medtime --label 'before the move'

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
    .addHelpText(
      'after',
      `
Example:
  aval backup verify --all

Exit codes: 0 sound, 1 something is wrong, 2 the command line is wrong.`,
    )
    .action((name: string | undefined, flags: Flags) => verify(name, flags, context))
}

function withOptions(command: Command): Command {
  return withRepositoryOptions(command)
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
  const taken: BackupInfo[] = []
  for (const system of systems) {
    const url = serverUrl(project, system, flags.databaseUrlFrom)
    const repository = await openChosen(project, system, flags, context, true)
    const line = moving(context)
    const info = await createBackup({
      url,
      repository,
      clock: context.clock,
      signal: context.signal,
      onProgress: ({ bytes, totalBytes }) =>
        line.show(`${system}: ${formatBytes(bytes)} of about ${formatBytes(totalBytes)}`),
      ...(flags.label === undefined ? {} : { label: flags.label }),
    }).finally(line.end)
    taken.push(info)
    if (!flags.json) context.out(`${system}: ${describe(info)}\n`)
  }
  if (flags.json) printJson(context, taken)
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
  const listed: BackupInfo[] = []
  for (const system of systems) {
    const repository = await openToRead(project, system, flags, context)
    if (!repository) continue
    const backups = await listBackups(repository)
    listed.push(...backups)
    if (flags.json) continue
    const window = await restoreWindow(repository)
    const moments = window
      ? `Any moment from ${timestamp(window.from)} to ${timestamp(window.to)} can be restored, and the latest state.`
      : 'No moment can be restored yet.'
    context.out(
      `${system}, ${repository.store.place}\n${backups.map((info) => `  ${describe(info)}\n`).join('')}${moments}\n`,
    )
  }
  if (flags.json) printJson(context, listed)
}

function describe(info: BackupInfo): string {
  const stored = info.archives.reduce((sum, archive) => sum + archive.storedBytes, 0)
  const parts = [
    info.id,
    `Postgres ${info.postgres.version}`,
    `${formatBytes(info.databaseBytes)} in ${formatBytes(stored)}`,
    `${info.files} files`,
    `took ${formatDuration(info.stoppedAt - info.startedAt)}`,
    ...(info.label === '' ? [] : [`"${info.label}"`]),
  ]
  return parts.join('  ')
}

async function verify(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const { project, systems } = await chosen(name, flags, context, 'backup verify')
  const reports: ({ system: string } & VerifyReport)[] = []
  for (const system of systems) {
    const repository = await openToRead(project, system, flags, context)
    if (!repository) continue
    const line = moving(context)
    const report = await verifyRepository(repository, {
      signal: context.signal,
      onProgress: ({ objects, key }) => line.show(`${system}: ${objects} objects read, now ${key}`),
    }).finally(line.end)
    reports.push({ system, ...report })
    if (!report.sound) context.exitWith(1)
    if (!flags.json) context.out(tell(system, report))
  }
  if (flags.json) printJson(context, reports)
}

function tell(system: string, report: VerifyReport): string {
  const verdict = report.sound ? 'sound' : 'not sound'
  const head = `${system}: ${verdict}; ${report.objects} objects, ${formatBytes(report.bytes)}, every byte read.\n`
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
): Promise<Repository | undefined> {
  try {
    return await openChosen(project, system, flags, context, false)
  } catch (error) {
    if (!flags.all || !(error instanceof AvalError) || error.code !== 'REPOSITORY_ABSENT') throw error
    context.err(`${system}: no repository yet\n`)
    return undefined
  }
}
