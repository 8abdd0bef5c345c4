import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import { failure } from '../errors.ts'
import { formatBytes } from '../plan/units.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project, System } from '../project/project.ts'
import type { EngineRestore } from '../recovery/engine.ts'
import { type Extraction, extractRows, type Selection } from '../recovery/extract/extract-rows.ts'
import { type ImportOptions, importRows, type OnConflict } from '../recovery/extract/import-rows.ts'
import { isStillThere, mergeTable } from '../recovery/extract/merge-table.ts'
import { writeSqlFile } from '../recovery/extract/sql-file.ts'
import { parseMoment } from '../recovery/restore/moment.ts'
import { type Beside, withRestoredBeside } from '../recovery/restore/restored-beside.ts'
import { serverForBackup } from '../recovery/restore/server-for-backup.ts'
import { databaseName } from '../run/prepare-system.ts'
import { developmentDirectory } from '../run/run-state.ts'
import { chooseSystem } from './choose-systems.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { type EngineFlags, openChosenEngine, withEngineOptions } from './engine-choice.ts'
import { requireKnownNames } from './extract-names.ts'
import { table } from './layout.ts'
import { withTarget } from './migrate-target.ts'
import { moving } from './moving-line.ts'
import { takesSpool } from './repository-choice.ts'

interface Flags extends EngineFlags {
  at: string
  subject?: string
  table?: string
  toFile?: string
  into?: string
  onConflict?: string
  triggers?: string
  dryRun?: true
  json?: true
}

export function registerExtract(program: Command, context: CommandContext): void {
  withEngineOptions(program.command('extract'))
    .argument('[system]', 'name of the system')
    .requiredOption('--at <time>', 'a moment with its time zone at which the rows were still right, or latest')
    .option('--subject <kind=value>', 'whose rows: a name of recovery.subjects, and the value it is known by')
    .option('--table <name>', 'a whole table: one that was dropped is made again, of another its missing rows')
    .option('--dry-run', 'counts the rows by table and changes nothing')
    .option('--to-file <file>', 'writes them as SQL, readable to you alone')
    .option('--into <where>', 'development, or the environment variable that holds the URL of the owner')
    .option('--on-conflict <policy>', 'fail, keep-target, take-backup or newer:<column>; as the plan says unless told')
    .option('--triggers <how>', "fire or off: whether the application's triggers see the rows come in", 'fire')
    .option('--json', 'prints one JSON array; never a row')
    .description(
      "Brings one subject's rows, or a table, back from a moment of the past, and leaves everything else as it is.",
    )
    .addHelpText(
      'after',
      `
Example:
  aval extract medtime --at 2026-02-03T04:05:06Z --subject user=7f9c24e5-2d0b-4c3a-9a51-0c4a1f3b8d11 --dry-run
  aval extract medtime --at 2026-02-03T04:05:06Z --subject user=7f9c24e5-2d0b-4c3a-9a51-0c4a1f3b8d11 --into development
  aval extract medtime --at 2026-02-03T04:05:06Z --table srv_ocr_requests --into DATABASE_URL

A copy is restored beside and removed again. Rows go in by one transaction, compared by count and checksum before it commits.
Exit codes: 0 done, 1 it failed and nothing was changed, 2 the command line is wrong or the moment cannot be restored.`,
    )
    .action((name: string | undefined, flags: Flags) => run(name, flags, context))
}

interface Work {
  project: Project
  system: System
  flags: Flags
  context: CommandContext
  selection: Selection
  options: Omit<ImportOptions, 'url'>
}

async function run(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const at = parseMoment(flags.at)
  const project = await findProject(context.cwd, context.home)
  const only = chooseSystem(project, name, 'extract')
  const system = await loadSystem(project, only)
  const work = { project, system, flags, context, ...choose(system, flags) } satisfies Work
  const file = flags.toFile === undefined ? undefined : resolve(context.cwd, flags.toFile)
  const ways = [flags.dryRun, file, flags.into].filter((way) => way !== undefined)
  if (ways.length !== 1) throw usage('extract', 'Give one of --dry-run, --to-file and --into.')
  if (file !== undefined && existsSync(file)) throw usage('extract', '--to-file names a file that is there already.')
  await requireKnownNames(project, system, work.selection)

  if (flags.into === undefined) {
    await beside(work, at, (copy) => (file === undefined ? count(work, copy) : toFile(work, copy, file)))
    return
  }
  // The target first: a variable that is not set should not cost a restore.
  const choice = {
    environment: 'development',
    ...(flags.into === 'development' ? {} : { urlFrom: flags.into }),
    create: false,
    clock: context.clock,
    variables: process.env,
  }
  await withTarget(project, system, choice, async ({ ownerUrl, description }) => {
    if (ownerUrl === undefined) throw usage('extract', `There is nothing to bring rows into: ${description}.`)
    await beside(work, at, (copy) => into(work, copy, ownerUrl, description))
  })
}

async function beside(
  { project, system, flags, context }: Work,
  at: 'latest' | number,
  work: (copy: Beside) => Promise<void>,
): Promise<void> {
  const engine = await openChosenEngine(project, system.name, flags, context, false)
  if (takesSpool(flags)) await engine.rescue()
  const newest = (await engine.list()).at(-1)
  if (newest === undefined) throw failure('BACKUP_NONE', { place: engine.place, system: system.name })
  const declared = system.plan.database?.servers['development']
  const database = databaseName(system.name)
  const line = moving(context)
  await withRestoredBeside(
    {
      engine,
      repository: engine.repository,
      directory: developmentDirectory(project, system.name),
      at,
      binaries: await serverForBackup(newest, declared === 'installed' ? 'installed' : 'embedded'),
      clock: context.clock,
      database,
      owner: system.plan.database?.owner ?? `${database}_owner`,
      erasures: system.plan.recovery.erasures,
      signal: context.signal,
      onProgress: ({ bytes, totalBytes }) => line.show(`${formatBytes(bytes)} of ${formatBytes(totalBytes)} restored`),
    },
    (copy) => {
      line.end()
      return work(copy)
    },
  ).finally(line.end)
}

function choose(system: System, flags: Flags): Pick<Work, 'selection' | 'options'> {
  const { triggers } = flags
  if (triggers !== 'fire' && triggers !== 'off') throw usage('extract', '--triggers takes fire or off.')
  if ((flags.subject === undefined) === (flags.table === undefined)) {
    throw usage('extract', 'Give one of --subject and --table.')
  }
  if (flags.subject === undefined) {
    const onConflict = policyOf(flags.onConflict ?? 'fail')
    const after = system.plan.recovery.afterRestore
    return { selection: { kind: 'table', table: flags.table ?? '' }, options: { onConflict, triggers, after } }
  }
  const [kind = '', ...rest] = flags.subject.split('=')
  const value = rest.join('=')
  const rule = system.plan.recovery.subjects[kind]
  if (rule === undefined || value === '') {
    const known = Object.keys(system.plan.recovery.subjects)
      .map((each) => `${each}=<value>`)
      .join(', ')
    throw usage('extract', `--subject takes ${known || 'a name of recovery.subjects, of which the plan has none'}.`)
  }
  const tenant = system.plan.database?.rowSecurity?.tenant
  const subject = { table: rule.table, column: rule.column, value, ...(tenant === undefined ? {} : { tenant }) }
  return {
    selection: { kind: 'subject', subject },
    options: {
      onConflict: policyOf(flags.onConflict ?? rule.onConflict),
      triggers,
      before: rule.beforeImport,
      after: rule.afterImport,
      ...(rule.claim === undefined ? {} : { claims: rule.claim }),
    },
  }
}

function policyOf(text: string): OnConflict {
  if (text === 'fail' || text === 'keep-target' || text === 'take-backup') return { kind: text }
  const column = /^newer:(\w+)$/.exec(text)?.[1]
  if (column === undefined)
    throw usage('extract', '--on-conflict takes fail, keep-target, take-backup or newer:<column>.')
  return { kind: 'newer', column }
}

function momentOf(restored: EngineRestore): string {
  return restored.at === 'latest' ? 'the latest state' : timestamp(restored.at)
}

async function count({ system, flags, context, selection }: Work, copy: Beside): Promise<void> {
  await extractRows({ url: copy.url, selection, signal: context.signal }, async (extraction) => {
    if (flags.json) return printJson(context, [{ system: system.name, ...inNumbers(extraction) }])
    if (extraction.tables.length === 0) return context.out(nothing(system, copy))
    const rows = table(
      [
        { title: 'table', text: (row: Extraction['tables'][number]) => row.table.sql },
        { title: 'own', text: ({ own }) => String(own) },
        { title: 'shared', text: ({ shared }) => String(shared) },
        { title: 'of others', text: ({ others }) => String(others) },
      ],
      extraction.tables,
    )
    context.out(`${system.name}: at ${momentOf(copy.restored)} there are, and nothing was changed:\n${rows}\n${passed(extraction)}
Own rows come back, shared ones where they are missing, those of others never.
Give --into development or --to-file in place of --dry-run.\n`)
  })
}

function inNumbers({ tables, passedOver }: Extraction): object {
  return {
    tables: tables.map(({ table: { sql }, own, shared, others, checksum }) => ({
      table: sql,
      own,
      shared,
      others,
      checksum,
    })),
    passedOver,
  }
}

function passed({ passedOver }: Extraction): string {
  if (passedOver.length === 0) return ''
  const list = passedOver.map((each) => `${each.rows} of ${each.table}`).join(', ')
  return `Rows of somebody else refer to them and are left out: ${list}.\n`
}

function nothing(system: System, copy: Beside): string {
  return `${system.name}: at ${momentOf(copy.restored)} there was nothing of it. Was the moment before the loss, and the value right?
A subject that was erased on purpose is in no copy.\n`
}

async function toFile({ system, flags, context, selection, options }: Work, copy: Beside, file: string): Promise<void> {
  await extractRows({ url: copy.url, selection, signal: context.signal }, async (extraction) => {
    if (extraction.tables.length === 0) {
      context.exitWith(1)
      return context.out(nothing(system, copy))
    }
    const { tables, bytes } = await writeSqlFile(extraction, file, options)
    if (flags.json) return printJson(context, [{ system: system.name, file, bytes, tables }])
    const total = tables.reduce((sum, { rows }) => sum + rows, 0)
    context.out(`${system.name}: ${total} rows of ${tables.length} tables at ${momentOf(copy.restored)} are in ${file}, ${formatBytes(bytes)}
${passed(extraction)}Run it with: psql --set ON_ERROR_STOP=1 --file ${file} "$DATABASE_URL"
It holds a person's data: delete it once it has been run.\n`)
  })
}

async function into(work: Work, copy: Beside, ownerUrl: string, description: string): Promise<void> {
  const { system, flags, context, selection, options } = work
  if (selection.kind === 'table') {
    const merged = await mergeTable({
      from: copy.url,
      into: ownerUrl,
      table: selection.table,
      after: options.after ?? [],
      signal: context.signal,
    }).catch((error: unknown) => {
      if (isStillThere(error)) return undefined
      throw error
    })
    if (merged !== undefined) {
      if (flags.json) return printJson(context, [{ system: system.name, made: true, ...merged }])
      const aside =
        merged.unmerged === 0
          ? ''
          : `\n  ${merged.unmerged} rows whose parents are gone are in ${merged.unmergedTable}; look at them and drop it`
      const unfit = merged.referring.filter((key) => key.unfit > 0)
      const keys = unfit.map(
        (key) =>
          `\n  ${key.unfit} rows of ${key.table} refer to rows that are not there: ${key.key} holds for new rows only`,
      )
      const missing = merged.missing.map(
        (each) => `\n  ${each} went with the table and is not back: make it again with its migration`,
      )
      return context.out(`${system.name}: ${merged.table} is back in ${description} as of ${momentOf(copy.restored)}
  ${merged.rows} rows, equal by count and checksum, with its indexes, keys, rights, policies and triggers${aside}${keys.join('')}${missing.join('')}\n`)
    }
  }
  await extractRows({ url: copy.url, selection, signal: context.signal }, async (extraction) => {
    if (extraction.tables.length === 0) {
      context.exitWith(1)
      return context.out(nothing(system, copy))
    }
    const { tables } = await importRows(extraction, { ...options, url: ownerUrl, signal: context.signal })
    if (flags.json)
      return printJson(context, [{ system: system.name, made: false, tables, passedOver: extraction.passedOver }])
    const rows = table(
      [
        { title: 'table', text: (row: (typeof tables)[number]) => row.table },
        { title: 'inserted', text: ({ inserted }) => String(inserted) },
        { title: 'replaced', text: ({ replaced }) => String(replaced) },
        { title: 'there already', text: ({ same }) => String(same) },
        { title: 'target kept', text: ({ kept }) => String(kept) },
      ],
      tables,
    )
    context.out(`${system.name}: rows of ${momentOf(copy.restored)} are in ${description}, equal by count and checksum:\n${rows}
${passed(extraction)}Ask whoever missed them to look.\n`)
  })
}
