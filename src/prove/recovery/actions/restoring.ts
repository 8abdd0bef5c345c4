import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { timestamp } from '../../../clock.ts'
import { formatBytes } from '../../../plan/units.ts'
import { startServer } from '../../../postgres/launch.ts'
import { reachable } from '../../../postgres/place.ts'
import type { OwnedServer } from '../../../postgres/server.ts'
import { listBackups } from '../../../recovery/repository/list-backups.ts'
import { finishRestore } from '../../../recovery/restore/finish-restore.ts'
import { restore } from '../../../recovery/restore/restore.ts'
import { restoreWindow } from '../../../recovery/restore/restore-point.ts'
import { isAval } from '../operator.ts'
import { type CarryOut, need, type Run } from '../run.ts'

/** Finding a backup and a moment, and bringing a cluster back from the store. */

export const findBackup: CarryOut = async ({ site, session }, { command }) => {
  const told = isAval(command) ? await site.operator.aval(command) : undefined
  const newest = (await listBackups(site.repository)).at(-1)
  if (newest === undefined) throw new Error('the repository holds no backup')
  const ageMs = session.clock.now() - newest.stoppedAt
  return {
    by: told?.typed ?? 'the list of backups, read from the repository',
    saw: `${newest.id}, ${Math.round(ageMs / 1_000)} s old, ${formatBytes(newest.databaseBytes)}`,
  }
}

export const findMoment: CarryOut = async (run) => {
  const moment = need(run.blow.moment, 'knows of a moment: this fault has none')
  const window = await restoreWindow(run.site.repository)
  if (window === undefined || moment < window.from || moment > window.to)
    throw new Error(`${timestamp(moment)} cannot be restored`)
  run.made.moment = run.session.faults.has('restore-too-late') ? window.to : moment
  return { by: 'the window of the repository', saw: `${timestamp(moment)} lies in it` }
}

export const prepareDirectory: CarryOut = async (run) => {
  run.made.directory = await freshDirectory(run)
  await mkdir(run.made.directory, { recursive: true })
  return { by: 'mkdir where the account of the server can pass', saw: 'an empty directory' }
}

export const restoreWhole: CarryOut = async (run, { command }) => {
  run.made.directory ??= await freshDirectory(run)
  const at = run.made.moment ?? 'latest'
  if (isAval(command)) {
    const { typed, output } = await run.site.operator.aval(command, placeholders(run, at))
    return { by: typed, saw: firstLines(output) }
  }
  return { by: 'restore and recovery of the engine', saw: await restoreByEngine(run, run.made.directory, at) }
}

export const restoreBeside: CarryOut = async (run, { command }) => {
  const directory = run.made.directory ?? (await freshDirectory(run))
  run.made.directory = directory
  const at = need(run.made.moment ?? run.blow.moment, 'found a moment to restore to')
  if (isAval(command)) {
    const { typed, output } = await run.site.operator.aval(command, placeholders(run, at))
    run.made.beside = await startBeside(run, directory)
    return { by: typed, saw: firstLines(output) }
  }
  const saw = await restoreByEngine(run, directory, at)
  run.made.beside = await startBeside(run, directory)
  return { by: 'restore and recovery of the engine', saw }
}

/** The copy that an earlier step restored beside, or one that is restored now. */
export async function besideOf(run: Run): Promise<OwnedServer> {
  if (run.made.beside === undefined) await restoreBeside(run, { does: 'restored beside' })
  return need(run.made.beside, 'restored a copy beside')
}

/** Words that stand in a plan for what only the moment of the incident tells. */
export function placeholders(run: Run, at: number | 'latest'): Record<string, string> {
  return {
    DIRECTORY: run.made.directory ?? '',
    MOMENT: at === 'latest' ? 'latest' : timestamp(at),
    REPOSITORY: run.site.storeDirectory,
    KEY: run.blow.custody?.copy ?? run.site.keyFile,
    IDENTITY: run.blow.custody?.identity ?? '',
    TABLE: run.blow.table ?? '',
    SUBJECT: run.made.tenant?.tenant ?? '',
  }
}

async function restoreByEngine(run: Run, to: string, at: number | 'latest'): Promise<string> {
  const { clock, scratch, system } = run.session
  const { binaries, database } = await scratch.environment()
  const { backup, files, bytes, walSegments, endLsn } = await restore({
    repository: run.site.repository,
    to,
    at,
    clock,
    signal: run.session.signal,
  })
  const server = await finishRestore({
    dataDirectory: to,
    binaries,
    clock,
    afterRestore: system.plan.recovery.afterRestore,
    database: database.name,
    owner: database.owner,
    repository: run.site.repository,
    erasures: system.plan.recovery.erasures,
  })
  await server.stop()
  return `backup ${backup.id}: ${files} files, ${formatBytes(bytes)}, ${walSegments} WAL segments up to ${endLsn}`
}

async function startBeside(run: Run, dataDirectory: string) {
  const { clock, scratch } = run.session
  const { binaries } = await scratch.environment()
  const server = await startServer({ dataDirectory, binaries, clock })
  run.session.defer(async () => {
    await server.stop()
    await rm(dataDirectory, { recursive: true, force: true })
  })
  return server
}

/** Where the cluster is to be: of a rebuild from a clone, where its `aval up` looks for it. */
async function freshDirectory({ fault, session, site, name }: Run): Promise<string> {
  if (fault === 'all-lost') return reachable(join(site.operator.directory, 'database'))
  return reachable(join(session.scratch.directory, name))
}

/** What a command said, in the space that a line of a report has. */
export function firstLines(output: string): string {
  return output.trim().split('\n').slice(0, 6).join(' ').replace(/\s+/g, ' ')
}
