import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import { failure } from '../errors.ts'
import { readableMs } from '../plan/readable-duration.ts'
import { applyMigrations } from '../postgres/migrations/apply.ts'
import { obstaclesOf } from '../postgres/migrations/drift.ts'
import type { Migration } from '../postgres/migrations/migration.ts'
import { systemMigrations } from '../postgres/migrations/read.ts'
import { compare, type MigrationState, migrationStatus } from '../postgres/migrations/status.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project, System } from '../project/project.ts'
import { chooseSystems } from './choose-systems.ts'
import { type CommandContext, printJson } from './command.ts'
import type { TargetChoice } from './external-url.ts'
import { withTarget } from './migrate-target.ts'
import { snapshotBefore } from './migration-snapshot.ts'

interface Flags {
  all?: true
  json?: true
  env: string
  databaseUrlFrom?: string
  outOfOrder?: true
  snapshot?: boolean
  reason?: string
}

export function registerMigrate(program: Command, context: CommandContext): void {
  const migrate = program
    .command('migrate')
    .description('Compares the migrations of a system with its database, and applies them.')
    .addHelpText(
      'after',
      `
Example:
  aval migrate status medtime
  aval migrate up medtime

docs/migrations.md tells the layouts, what each state means, and how a failed migration goes on.`,
    )

  withOptions(migrate.command('status'))
    .description(
      'Says of each migration whether it is applied, pending, or in disagreement with its file. Changes nothing.',
    )
    .addHelpText(
      'after',
      `
Example:
  aval migrate status medtime
  aval migrate status medtime --env production      the server whose URL the plan's variable holds

Exit codes: 0 folder and database agree (some may be pending), 1 they disagree or it could not be told, 2 the command line or a file is wrong.`,
    )
    .action((name: string | undefined, flags: Flags) => status(name, flags, context))

  withOptions(migrate.command('up'))
    .description(
      'Applies what is pending, in order, as the owner of the schema; goes on where an earlier attempt stopped.',
    )
    .option('--out-of-order', 'applies as well what should have come before something that is applied already')
    .option('--no-snapshot', 'goes without the backup that the plan wants before a migration; needs --reason')
    .option('--reason <text>', 'why it goes without a snapshot')
    .addHelpText(
      'after',
      `
Example:
  aval migrate up medtime
  MEDTIME_DATABASE_URL=postgresql://... aval migrate up medtime --env production

Where the plan has a backup on: 'migration', one is taken first, unless nothing is pending or no table holds anything.
Nothing is changed when folder and database disagree, when a file is not SQL, or when that backup fails.
Exit codes: 0 all is applied, 1 a migration failed or was refused, 2 the command line or a file is wrong.`,
    )
    .action((name: string | undefined, flags: Flags) => up(name, flags, context))
}

function withOptions(command: Command): Command {
  return command
    .argument('[system]', 'name of the system')
    .option('--all', 'every system of the project that has a database')
    .option('--json', 'prints one JSON array')
    .option('--env <environment>', 'the server of this environment in the plan', 'development')
    .option('--database-url-from <VARIABLE>', 'environment variable that holds the URL of the database')
}

/** One line of what is known of a migration: what `--json` prints. */
interface StatusLine {
  system: string
  id: string
  name: string
  state: MigrationState['state']
  appliedAt: string | null
  /** Of an interrupted migration: statements that are done and stay so. */
  statementsDone: number | null
  /** What to do about it; null where nothing needs to be done. */
  fix: string | null
}

async function status(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const lines: StatusLine[] = []
  for (const { project, system, migrations } of await chosen(name, flags, context, 'migrate status')) {
    const choice = { ...targetChoice(flags), create: false, clock: context.clock, variables: process.env }
    const { states, description } = await withTarget(project, system, choice, async (target) => ({
      description: target.description,
      states: await (target.ownerUrl === undefined
        ? compare(migrations, new Map())
        : migrationStatus(target.ownerUrl, migrations)),
    }))
    const fixes = new Map(obstaclesOf(states, { outOfOrder: 'refuse' }).map(({ id, fix }) => [id, fix]))
    if (fixes.size > 0) context.exitWith(1)
    const own = states.map((state) => lineOf(system.name, state, fixes.get(state.id)))
    lines.push(...own)
    if (flags.json) continue
    context.out(`${system.name}, ${description}: ${counts(own)}\n${own.map(tell).join('')}`)
  }
  if (flags.json) printJson(context, lines)
}

async function up(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const applied: { system: string; id: string; name: string; statements: number; resumed: boolean; tookMs: number }[] =
    []
  for (const { project, system, migrations } of await chosen(name, flags, context, 'migrate up')) {
    const choice = { ...targetChoice(flags), create: true, clock: context.clock, variables: process.env }
    const done = await withTarget(project, system, choice, ({ ownerUrl, backupUrl }) => {
      if (ownerUrl === undefined) throw failure('NO_DATABASE', { system: system.name, file: system.planFile })
      return applyMigrations(ownerUrl, migrations, {
        clock: context.clock,
        outOfOrder: flags.outOfOrder ? 'apply' : 'refuse',
        signal: context.signal,
        beforeFirst: (pending) =>
          snapshotBefore({
            project,
            system,
            url: backupUrl ?? ownerUrl,
            pending,
            waived: flags.snapshot === false ? (flags.reason ?? '') : undefined,
            context,
          }),
        onApplied: (each) => {
          const resumed = each.resumed ? ', resumed' : ''
          if (!flags.json) context.out(`${system.name}: ${each.name} applied in ${readableMs(each.tookMs)}${resumed}\n`)
        },
      })
    })
    applied.push(...done.map((each) => ({ system: system.name, ...each })))
    if (!flags.json && done.length === 0) context.out(`${system.name}: nothing to apply.\n`)
  }
  if (flags.json) printJson(context, applied)
}

function targetChoice(flags: Flags): TargetChoice {
  return {
    environment: flags.env,
    ...(flags.databaseUrlFrom === undefined ? {} : { urlFrom: flags.databaseUrlFrom }),
  }
}

async function chosen(
  name: string | undefined,
  flags: Flags,
  context: CommandContext,
  command: string,
): Promise<{ project: Project; system: System; migrations: Migration[] }[]> {
  const project = await findProject(context.cwd, context.home)
  const result = []
  for (const each of chooseSystems(project, name, flags.all === true, command)) {
    const system = await loadSystem(project, each)
    const plan = system.plan.database
    if (!plan) {
      if (!flags.all) throw failure('NO_DATABASE', { system: system.name, file: system.planFile })
      context.err(`${system.name} has no database.\n`)
      continue
    }
    const migrations = await systemMigrations(system.directory, plan.migrations)
    result.push({ project, system, migrations })
  }
  return result
}

function lineOf(system: string, each: MigrationState, fix: string | undefined): StatusLine {
  const record = 'record' in each ? each.record : undefined
  return {
    system,
    id: each.id,
    name: each.state === 'missing' ? each.record.name : each.migration.name,
    state: each.state,
    appliedAt: record === undefined || record.appliedAt === null ? null : timestamp(record.appliedAt),
    statementsDone: record?.state === 'started' ? record.done : null,
    fix: fix ?? null,
  }
}

function tell({ state, name, appliedAt, statementsDone, fix }: StatusLine): string {
  const when = appliedAt === null ? '' : `  ${appliedAt}`
  const done = statementsDone === null ? '' : `  after ${statementsDone} statements`
  const line = `  ${state.padEnd(12)}  ${name}${when}${done}\n`
  return fix === null ? line : `${line}                ${fix}\n`
}

function counts(lines: readonly StatusLine[]): string {
  if (lines.length === 0) return 'no migrations.'
  const byState = Map.groupBy(lines, ({ state }) => state)
  return `${[...byState].map(([state, each]) => `${each.length} ${state}`).join(', ')}.`
}
