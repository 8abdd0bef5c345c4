import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { describeError, failure } from '../errors.ts'
import { attachServer } from '../postgres/attach.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { withClient } from '../postgres/connection.ts'
import { startServer } from '../postgres/launch.ts'
import type { RunningServer } from '../postgres/server.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project, System } from '../project/project.ts'
import type { RecoveryEngine } from '../recovery/engine.ts'
import { type DamageReport, findPageDamage } from '../recovery/repair/find-page-damage.ts'
import { type DamagedRelation, nameDamage, type Remedy } from '../recovery/repair/name-damage.ts'
import { type RepairReport, repairTableFromBackup } from '../recovery/repair/repair-table.ts'
import { withRestoredBeside } from '../recovery/restore/restored-beside.ts'
import { serverForBackup } from '../recovery/restore/server-for-backup.ts'
import { lockDirectory } from '../run/owner-lock.ts'
import { databaseName } from '../run/prepare-system.ts'
import { developmentDirectory, readRunState } from '../run/run-state.ts'
import { serverChoice } from '../run/server-choice.ts'
import { primaryDirectory } from '../run/standby.ts'
import { chooseSystem } from './choose-systems.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { type EngineFlags, openChosenEngine, withEngineOptions } from './engine-choice.ts'
import { table } from './layout.ts'
import { moving } from './moving-line.ts'

interface Flags extends EngineFlags {
  apply?: true
  json?: true
}

export function registerRepair(program: Command, context: CommandContext): void {
  const repair = program.command('repair').description('Finds damage in a database on disk, and mends it.')
  withEngineOptions(repair.command('pages'))
    .argument('[system]', 'name of the system')
    .option('--apply', 'mends what can be mended; without it nothing is changed')
    .option('--json', 'prints one JSON array')
    .description('Reads every page of the development database and holds it against its checksum.')
    .addHelpText(
      'after',
      `
Example:
  aval repair pages medtime            # what is damaged, and which backup is sound
  aval repair pages medtime --apply    # indexes are made anew, tables filled again from a copy restored beside

A table is locked from the moment its copy is restored until it is whole again: nobody reads damage, and no commit is lost.
Exit codes: 0 sound, or mended, 1 damage is left, 2 the command line is wrong.`,
    )
    .action((name: string | undefined, flags: Flags) => run(name, flags, context))
}

interface Site {
  project: Project
  system: System
  engine: RecoveryEngine
  context: CommandContext
  dataDirectory: string
}

async function run(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const project = await findProject(context.cwd, context.home)
  const only = chooseSystem(project, name, 'repair pages')
  const system = await loadSystem(project, only)
  const dataDirectory = await primaryDirectory(developmentDirectory(project, only))
  if (!(await isThere(join(dataDirectory, 'PG_VERSION')))) {
    throw usage('repair pages', 'There is no development database yet.')
  }
  const report = await scan(dataDirectory, context)
  if (report.pages.length === 0) {
    if (flags.json) return printJson(context, [{ system: only, ...report, relations: [] }])
    return context.out(`${only}: sound; ${report.blocks} pages of ${report.files} files read.\n`)
  }
  const engine = await openChosenEngine(project, only, flags, context, false)
  const site: Site = { project, system, engine, context, dataDirectory }
  await withServer(site, flags.apply === true, async (server) => {
    const relations = await nameDamage(server, report.pages)
    if (!flags.apply) {
      const sound = await soundBackup(engine, context)
      context.exitWith(1)
      if (flags.json) return printJson(context, [{ system: only, ...report, relations, sound }])
      return context.out(`${only}: ${report.pages.length} of ${report.blocks} pages are damaged\n${inRows(relations)}
${sound === undefined ? 'No backup is sound: see `aval backup verify`. Stop using the database and copy its directory away.' : `Backup ${sound} is sound, every byte read.`}
${advice(relations, only)}\n`)
    }
    const mended = await mend(site, server, relations)
    await withClient(server.url(), (client) => client.query('CHECKPOINT'))
    const after = await scan(dataDirectory, context)
    const left = (await nameDamage(server, after.pages)).filter(({ remedy }) => remedy !== 'nothing')
    if (left.length > 0) context.exitWith(1)
    if (flags.json) return printJson(context, [{ system: only, ...after, relations: left, mended }])
    const lines = mended.map((each) =>
      'rows' in each
        ? `  ${each.table}: ${each.rows} rows, equal to the backup by count and checksum\n`
        : `  ${each.index}: made anew\n`,
    )
    context.out(
      `${only}: mended\n${lines.join('')}${
        left.length === 0
          ? `Read again: all ${after.blocks} pages are sound. Find out why they were not: a disk that did this once does it again.\n`
          : `Still damaged:\n${inRows(left)}\n${advice(left, only)}\n`
      }`,
    )
  })
}

function scan(dataDirectory: string, context: CommandContext): Promise<DamageReport> {
  const line = moving(context)
  const { clock, signal } = context
  const onProgress = ({ blocks }: { blocks: number }) => line.show(`${blocks} pages read`)
  return findPageDamage({ dataDirectory, clock, signal, onProgress }).finally(line.end)
}

/** The server of the directory: the one that runs, or one started for this. */
async function withServer(
  site: Site,
  archiving: boolean,
  work: (server: RunningServer) => Promise<void>,
): Promise<void> {
  const { project, system, context, dataDirectory } = site
  const { clock } = context
  if (readRunState(project, system.name)) return work(await attachServer(dataDirectory))
  const plan = system.plan.database
  if (!plan) throw failure('NO_DATABASE', { system: system.name, file: system.planFile })
  await using cleanup = new AsyncDisposableStack()
  const lock = lockDirectory(developmentDirectory(project, system.name), system.name, clock)
  cleanup.defer(() => lock.release())
  const binaries = await findBinaries(...serverChoice(system, plan, 'development'))
  const settings = { ...plan.settings, ...site.engine.serverSettings }
  const server = await startServer({ dataDirectory, binaries, clock, settings })
  cleanup.defer(() => server.stop())
  if (archiving) {
    // What it wrote last has to reach the repository: the copy is restored from there.
    const onTrouble = (error: unknown) =>
      context.err(`${describeError(error)}
`)
    const protection = await site.engine.protect(server, { onTrouble })
    cleanup.defer(() => protection.stop())
  }
  await work(server)
}

type Mended = (RepairReport & { database: string }) | { database: string; index: string }

async function mend(site: Site, server: RunningServer, relations: readonly DamagedRelation[]): Promise<Mended[]> {
  const mended: Mended[] = []
  const tables = relations.filter(({ remedy, table: name }) => remedy === 'reload' && name !== undefined)
  const reloaded = new Set<string>()
  for (const { database, table: name = '' } of tables) {
    if (reloaded.has(`${database} ${name}`)) continue
    reloaded.add(`${database} ${name}`)
    mended.push({ database, ...(await refill(site, server, database, name)) })
  }
  for (const { database, relation: index, table: name, remedy } of relations) {
    // A table that is filled again has new indexes as well.
    if (remedy !== 'reindex' || index === undefined || reloaded.has(`${database} ${name}`)) continue
    await withClient(server.url({ database }), (client) => client.query(`REINDEX INDEX ${index}`))
    mended.push({ database, index })
  }
  return mended
}

/** Fills a table from the newest backup whose copy is itself without damage. */
async function refill(site: Site, server: RunningServer, database: string, name: string): Promise<RepairReport> {
  const { engine, system, project, context } = site
  if (engine.name !== 'native') {
    throw failure('REPAIR_UNSUPPORTED', {
      table: name,
      what: `the ${engine.name} engine cannot say that a copy holds every commit`,
    })
  }
  const own = databaseName(system.name)
  const ended = Promise.withResolvers<void>()
  let beside: Promise<void> = Promise.resolve()
  const copyAt = async (upTo: bigint): Promise<string> => {
    for (const backup of (await engine.list()).reverse()) {
      const ready = Promise.withResolvers<string | undefined>()
      beside = withRestoredBeside(
        {
          engine,
          repository: engine.repository,
          directory: developmentDirectory(project, system.name),
          at: 'latest',
          backup: backup.id,
          upTo,
          binaries: await serverForBackup(backup),
          clock: context.clock,
          database: own,
          owner: system.plan.database?.owner ?? `${own}_owner`,
          erasures: system.plan.recovery.erasures,
          signal: context.signal,
        },
        async (copy) => {
          await withClient(copy.url, (client) => client.query('CHECKPOINT'))
          const found = await scan(copy.server.dataDirectory, context)
          if (found.pages.length > 0) return ready.resolve(undefined)
          ready.resolve(copy.server.url({ database }))
          await ended.promise
        },
      ).catch(ready.reject)
      const url = await ready.promise
      if (url !== undefined) return url
      await beside
    }
    throw failure('BACKUP_NONE', { place: engine.place, system: system.name })
  }
  try {
    return await repairTableFromBackup({ url: server.url({ database }), table: name, copyAt, signal: context.signal })
  } finally {
    ended.resolve()
    await beside
  }
}

/** Id of the newest backup of which every byte was read and found sound. */
async function soundBackup(engine: RecoveryEngine, context: CommandContext): Promise<string | undefined> {
  const { backups } = await engine.verify({ signal: context.signal })
  return backups.filter(({ sound }) => sound).at(-1)?.id
}

const says: Record<Remedy, string> = {
  reindex: 'made anew from its table',
  reload: 'filled again from a copy',
  restore: 'restore the whole database',
  nothing: 'belongs to nothing any more',
}

function inRows(relations: readonly DamagedRelation[]): string {
  return table(
    [
      { title: 'relation', text: (row: DamagedRelation) => row.relation ?? 'none' },
      { title: 'rows of', text: (row) => row.table ?? '' },
      { title: 'pages', text: pagesOf, fills: true },
      { title: 'remedy', text: ({ remedy }) => says[remedy] },
    ],
    relations,
  )
}

function pagesOf({ blocks, otherPages }: DamagedRelation): string {
  const shown = blocks.slice(0, 8).join(', ')
  const more = blocks.length > 8 ? ` and ${blocks.length - 8} more` : ''
  return [`${shown}${more}`, otherPages > 0 ? `${otherPages} of its maps` : ''].filter((part) => part !== '').join('; ')
}

function advice(relations: readonly DamagedRelation[], system: string): string {
  return relations.some(({ remedy }) => remedy === 'restore')
    ? `A catalog is damaged: \`aval restore ${system} --at latest --to <directory>\` and put that in the place of the database.`
    : `Mend it with \`aval repair pages ${system} --apply\`.`
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
