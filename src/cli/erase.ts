import type { Command } from 'commander'
import { failure } from '../errors.ts'
import type { Project, System } from '../project/project.ts'
import type { ChangedTable } from '../recovery/erasures/changed-tables.ts'
import { countErasure, type ErasureCount, eraseSubject } from '../recovery/erasures/erase.ts'
import { chooseRepository } from './chosen-repository.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { type Column, table } from './layout.ts'
import { withTarget } from './migrate-target.ts'
import { type RepositoryFlags, withRepositoryOptions } from './repository-choice.ts'

interface Flags extends RepositoryFlags {
  yes?: true
  dryRun?: true
  json?: true
  env: string
  databaseUrlFrom?: string
}

export function registerErase(program: Command, context: CommandContext): void {
  withRepositoryOptions(program.command('erase'))
    .argument('<system>', 'name of the system')
    .argument('<kind>', 'a name of recovery.erasures in the plan, such as user')
    .argument('<subject>', 'whose data: the id as the database has it')
    .option('--dry-run', 'counts the rows and changes nothing')
    .option('--yes', 'erases; there is no way back but a restore by hand')
    .option('--env <environment>', 'the server of this environment in the plan', 'development')
    .option('--database-url-from <VARIABLE>', 'environment variable that holds the URL of the database')
    .option('--json', 'prints one JSON array')
    .description("Erases one subject's data from the running database, and again after every restore from then on.")
    .addHelpText(
      'after',
      `
Example:
  aval erase medtime user 7f9c24e5-2d0b-4c3a-9a51-0c4a1f3b8d11 --dry-run
  aval erase medtime user 7f9c24e5-2d0b-4c3a-9a51-0c4a1f3b8d11 --yes

The record of it lies encrypted in the repository before anything changes, and stays as long as a backup is older than it.
Exit codes: 0 erased, or counted with --dry-run, 1 it failed, 2 --yes is missing or the command line is wrong.`,
    )
    .action((name: string, kind: string, subject: string, flags: Flags) => erase(name, kind, subject, flags, context))
}

async function erase(
  name: string,
  kind: string,
  subject: string,
  flags: Flags,
  context: CommandContext,
): Promise<void> {
  const { project, system, repository } = await chooseRepository(name, flags, context, 'erase', true)
  const rule = system.plan.recovery.erasures[kind]
  if (!rule) {
    const known = Object.keys(system.plan.recovery.erasures).join(', ') || 'none'
    throw failure('ERASURE_UNKNOWN', { system: system.name, name: kind, known })
  }
  await withOwner(project, system, flags, context, async (ownerUrl) => {
    const found = await countErasure({ ownerUrl, name: kind, rule, subject })
    if (flags.dryRun || !flags.yes) {
      if (!flags.dryRun) context.exitWith(2)
      if (flags.json)
        return printJson(context, [
          { system: system.name, kind, erased: false, ...found, tables: found.tables ?? null },
        ])
      const next = flags.dryRun ? '' : 'Give --yes to erase it.\n'
      return context.out(`${system.name}: nothing was erased. It would be:\n${tell(found)}${next}`)
    }
    const done = await eraseSubject({ repository, ownerUrl, clock: context.clock, name: kind, rule, subject })
    if (flags.json)
      return printJson(context, [{ system: system.name, kind, erased: true, ...done, tables: done.tables ?? null }])
    const resumed = done.resumed ? ', finishing what an earlier attempt had begun' : ''
    context.out(`${system.name}: the ${kind} was erased${resumed}; recorded as ${done.id}.\n${tell(done)}
Every restore from now on erases it again. A copy outside the repository, such as an export, is yours to clear.\n`)
  })
}

async function withOwner(
  project: Project,
  system: System,
  flags: Flags,
  context: CommandContext,
  work: (ownerUrl: string) => Promise<void>,
): Promise<void> {
  const choice = {
    environment: flags.env,
    ...(flags.databaseUrlFrom === undefined ? {} : { urlFrom: flags.databaseUrlFrom }),
    create: false,
    clock: context.clock,
    variables: process.env,
  }
  await withTarget(project, system, choice, async ({ ownerUrl, description }) => {
    if (ownerUrl === undefined) throw usage('erase', `There is nothing to erase in: ${description}.`)
    await work(ownerUrl)
  })
}

/** The statements of the plan with what each changed, then all that was changed, table by table; no value of a row. */
function tell({ rows, tables }: ErasureCount): string {
  const statements = rows
    .filter(({ statement }) => /^\s*(delete|update|insert|merge)/i.test(statement))
    .map(
      ({ statement, rows: count }) => `  ${String(count).padStart(6)} rows  ${statement.replace(/\s+/g, ' ').trim()}\n`,
    )
    .join('')
  if (tables === undefined)
    return `${statements}The server does not count rows (track_counts is off): what foreign keys take along comes on top.\n`
  if (tables.length === 0) return `${statements}No row of any table is concerned.\n`
  const all = table(
    [
      { title: 'table', text: (row) => row.table },
      { title: 'deleted', text: ({ deleted }) => String(deleted) },
      { title: 'changed', text: ({ updated }) => String(updated) },
      ...(tables.some(({ inserted }) => inserted > 0)
        ? [{ title: 'added', text: ({ inserted }: ChangedTable) => String(inserted) }]
        : []),
    ] satisfies Column<ChangedTable>[],
    tables,
  )
  return `${statements}In all, with what foreign keys and triggers take along:\n${all}\n`
}
