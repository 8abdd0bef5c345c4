import type { Command } from 'commander'
import { failure } from '../errors.ts'
import { withClient } from '../postgres/connection.ts'
import type { Project, System } from '../project/project.ts'
import type { ChangedTable } from '../recovery/erasures/changed-tables.ts'
import { countErasure, type ErasureCount, eraseSubject } from '../recovery/erasures/erase.ts'
import { chooseRepository } from './chosen-repository.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { type Column, table } from './layout.ts'
import { withTarget } from './migrate-target.ts'
import { type RepositoryFlags, withRepositoryOptions } from './repository-choice.ts'

interface Flags extends RepositoryFlags {
  asked?: true
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
    .argument('[subject]', 'whose data: the id as the database has it')
    .option('--asked', 'everybody a service was asked to erase, by the query of the plan')
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
  aval erase medtime user --asked --yes

The record of it lies encrypted in the repository before anything changes, and stays as long as a backup is older than it.
Exit codes: 0 erased, or counted with --dry-run, 1 it failed, 2 --yes is missing or the command line is wrong.`,
    )
    .action((name: string, kind: string, subject: string | undefined, flags: Flags) =>
      erase(name, kind, subject, flags, context),
    )
}

async function erase(
  name: string,
  kind: string,
  subject: string | undefined,
  flags: Flags,
  context: CommandContext,
): Promise<void> {
  const { project, system, repository } = await chooseRepository(name, flags, context, 'erase', true)
  const rule = system.plan.recovery.erasures[kind]
  if (!rule) {
    const known = Object.keys(system.plan.recovery.erasures).join(', ') || 'none'
    throw failure('ERASURE_UNKNOWN', { system: system.name, name: kind, known })
  }
  if ((subject === undefined) !== (flags.asked === true)) {
    throw usage('erase', 'Name whose data is to be erased, or give --asked, not both.')
  }
  const { asked } = rule
  if (subject === undefined) {
    if (asked === undefined) throw usage('erase', `The plan has no query "asked" at recovery.erasures.${kind}.`)
    return withOwner(project, system, flags, context, async (ownerUrl) => {
      const subjects = await listAsked(ownerUrl, asked)
      if (flags.dryRun || !flags.yes) {
        if (!flags.dryRun) context.exitWith(2)
        if (flags.json)
          return printJson(context, [{ system: system.name, kind, erased: false, asked: subjects.length }])
        return context.out(`${system.name}: nothing was erased. Asked for it: ${subjects.length}.\n`)
      }
      // One after the other, each with a record and a transaction of its own: what was done stays done when the next fails.
      for (const each of subjects) {
        await eraseSubject({ repository, ownerUrl, clock: context.clock, name: kind, rule, subject: each })
      }
      if (flags.json) return printJson(context, [{ system: system.name, kind, erased: true, asked: subjects.length }])
      if (subjects.length === 0) return context.out(`${system.name}: nobody asked to be erased; nothing was done.\n`)
      context.out(
        `${system.name}: erased and recorded: ${subjects.length}. Every restore from now on erases them again.\n`,
      )
    })
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

/** Subjects a service was asked to erase; their ids are told to nobody. */
async function listAsked(ownerUrl: string, query: string): Promise<string[]> {
  return withClient(ownerUrl, async (client) => {
    const { rows } = await client.query<[unknown]>({ text: query, rowMode: 'array' })
    return rows.map(([subject]) => String(subject))
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
