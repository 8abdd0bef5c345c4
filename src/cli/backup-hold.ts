import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import { failure } from '../errors.ts'
import { meantBackup } from '../recovery/backup/backup-id.ts'
import { listDumps } from '../recovery/logical/list-dumps.ts'
import { listBackups } from '../recovery/repository/list-backups.ts'
import type { Repository } from '../recovery/repository/repository.ts'
import { parseMoment } from '../recovery/restore/moment.ts'
import { holdBackup, releaseBackup } from '../recovery/retention/hold.ts'
import { chooseRepository, systemAndId } from './chosen-repository.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { type RepositoryFlags, withRepositoryOptions } from './repository-choice.ts'

interface Flags extends RepositoryFlags {
  reason?: string
  until?: string
  json?: true
}

export function registerHold(backup: Command, context: CommandContext): void {
  withRepositoryOptions(backup.command('hold'))
    .argument('<system-or-id>', 'name of the system, or the id where there is only one')
    .argument('[id]', 'id of the backup, or its beginning')
    .requiredOption('--reason <text>', 'why: a case, a request, an order')
    .option('--until <time>', 'a moment with its time zone at which the hold ends by itself')
    .option('--json', 'prints one JSON array')
    .description('Holds a backup with its WAL: nothing removes it, whatever its age, until it is released.')
    .addHelpText(
      'after',
      `
Example:
  aval backup hold medtime 20260203T040506Z-1a2b3c4d --reason 'case 12/2026'
  aval backup hold medtime 20260203T040506Z-1a2b3c4d --reason 'audit' --until 2027-01-01T00:00:00Z

Exit codes: 0 held, 1 it failed, 2 there is no such backup or the command line is wrong.`,
    )
    .action((first: string, second: string | undefined, flags: Flags) => hold(first, second, flags, context))

  withRepositoryOptions(backup.command('release'))
    .argument('<system-or-id>', 'name of the system, or the id where there is only one')
    .argument('[id]', 'id of the backup, or its beginning')
    .option('--reason <text>', 'why it is let go')
    .option('--json', 'prints one JSON array')
    .description('Lets a held backup go: from then on the rules of the plan decide again.')
    .addHelpText(
      'after',
      `
Example:
  aval backup release medtime 20260203T040506Z-1a2b3c4d --reason 'case closed'

Exit codes: 0 released, 1 it failed, 2 it is not held, there is no such backup, or the command line is wrong.`,
    )
    .action((first: string, second: string | undefined, flags: Flags) => release(first, second, flags, context))
}

async function hold(first: string, second: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const [name, given] = systemAndId(first, second)
  const reason = flags.reason?.trim() ?? ''
  if (reason === '') throw usage('backup hold', '--reason is empty; say why, for whoever reads it in a year.')
  const until = flags.until === undefined ? undefined : momentOf(flags.until, context)
  const { system, repository } = await chooseRepository(name, flags, context, 'backup hold')
  const id = await meantIn(repository, given)
  await holdBackup(repository, context.clock, { backup: id, reason, until })
  if (flags.json) return printJson(context, [{ system: system.name, id, held: true, reason, until: until ?? null }])
  const end = until === undefined ? `until \`aval backup release ${system.name} ${id}\`` : `until ${timestamp(until)}`
  context.out(`${system.name}: ${id} is held ${end}.\n`)
}

async function meantIn(repository: Repository, given: string): Promise<string> {
  const kept = [...(await listBackups(repository)), ...(await listDumps(repository))]
  return meantBackup(
    given,
    kept.map(({ id }) => id),
  )
}

function momentOf(text: string, context: CommandContext): number {
  const moment = parseMoment(text)
  if (moment === 'latest') throw usage('backup hold', '--until takes a moment with its time zone.')
  if (moment <= context.clock.now()) throw failure('HOLD_UNTIL_PAST', { until: timestamp(moment) })
  return moment
}

async function release(
  first: string,
  second: string | undefined,
  flags: Flags,
  context: CommandContext,
): Promise<void> {
  const [name, given] = systemAndId(first, second)
  const { system, repository } = await chooseRepository(name, flags, context, 'backup release')
  const id = await meantIn(repository, given)
  await releaseBackup(repository, context.clock, id, flags.reason)
  if (flags.json) return printJson(context, [{ system: system.name, id, held: false }])
  context.out(`${system.name}: ${id} is let go; \`aval backup show ${system.name} ${id}\` says what keeps it now.\n`)
}
