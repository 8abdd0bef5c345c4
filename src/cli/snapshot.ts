import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import { failure } from '../errors.ts'
import { formatBytes, parseDuration } from '../plan/units.ts'
import { createBackup } from '../recovery/backup/base-backup.ts'
import { span } from '../recovery/retention/decision.ts'
import type { Keep } from '../recovery/retention/rules.ts'
import { readRunState } from '../run/run-state.ts'
import { chooseRepository } from './chosen-repository.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { moving } from './moving-line.ts'
import { type RepositoryFlags, withRepositoryOptions } from './repository-choice.ts'

interface Flags extends RepositoryFlags {
  label: string
  keep?: string
  databaseUrlFrom?: string
  json?: true
}

export function registerSnapshot(program: Command, context: CommandContext): void {
  withRepositoryOptions(program.command('snapshot'))
    .argument('[system]', 'name of the system')
    .requiredOption('--label <text>', 'what it is called: why it was taken')
    .option('--keep <time>', "such as 90d or 3y, or forever; the plan's time for backups taken by hand unless told")
    .option('--database-url-from <VARIABLE>', 'environment variable that holds the URL of another server')
    .option('--json', 'prints one JSON array')
    .description('Takes a base backup with a name and a time of its own, which goes before every rule of the plan.')
    .addHelpText(
      'after',
      `
Example:
  aval snapshot medtime --label 'before the move' --keep 90d

Exit codes: 0 it is complete, 1 it failed and nothing of it is left, 2 the command line is wrong.`,
    )
    .action((name: string | undefined, flags: Flags) => snapshot(name, flags, context))
}

async function snapshot(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const label = flags.label.trim()
  if (label === '') throw usage('snapshot', '--label is empty; a snapshot is found again by its label.')
  const keep = flags.keep === undefined ? undefined : keepOf(flags.keep)
  const { project, system, repository } = await chooseRepository(name, flags, context, 'snapshot', true)
  const url = urlOf(flags.databaseUrlFrom) ?? readRunState(project, system.name)?.adminUrl
  if (url === undefined) throw failure('BACKUP_NOTHING_RUNS', { system: system.name })
  const line = moving(context)
  const own = keep ?? system.plan.recovery.keepByHand
  const info = await createBackup({
    url,
    repository,
    clock: context.clock,
    signal: context.signal,
    label,
    keep: own,
    onProgress: ({ bytes, totalBytes }) =>
      line.show(`${system.name}: ${formatBytes(bytes)} of about ${formatBytes(totalBytes)}`),
  }).finally(line.end)
  if (flags.json) return printJson(context, [info])
  const until = own === 'forever' ? 'for ever' : `${span(own)}, until ${timestamp(info.stoppedAt + own)}`
  context.out(
    `${system.name}: snapshot ${info.id} "${label}" is complete, ${formatBytes(info.databaseBytes)}; kept ${until}.\n`,
  )
}

function keepOf(text: string): Keep {
  if (text === 'forever') return text
  const keep = parseDuration(text)
  if (keep === undefined || keep === 0) throw usage('snapshot', `--keep takes a time such as 90d, or forever.`)
  return keep
}

function urlOf(variable: string | undefined): string | undefined {
  if (variable === undefined) return undefined
  const url = process.env[variable]
  if (url === undefined || !URL.canParse(url)) throw failure('BACKUP_NO_URL', { variable })
  return url
}
