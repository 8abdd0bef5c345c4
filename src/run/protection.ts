import type { Clock } from '../clock.ts'
import { describeError } from '../errors.ts'
import { findBinaries } from '../postgres/binaries.ts'
import type { Project, System } from '../project/project.ts'
import { firstIncrementalMajor } from '../recovery/backup/choose-parent.ts'
import { openEngine } from '../recovery/open-engine.ts'
import { keepLease } from '../recovery/stores/lease.ts'
import { holdFor, openPrimaryRepository, startArchive } from './archive.ts'
import type { Environment } from './environment.ts'
import type { OpenKeys } from './kept-keys.ts'
import { developmentDirectory } from './run-state.ts'
import { serverChoice } from './server-choice.ts'

/** What stands between a running development environment and a loss. */
export interface EnvironmentProtection {
  stop(): Promise<void>
}

interface Options {
  project: Pick<Project, 'state'>
  clock: Clock
  log(line: string): void
  /** The keys of the repository; from their file unless told. */
  keys?: OpenKeys
}

/**
 * Settings the server of a development environment must start with for the engine of its plan. An engine that cannot be opened is told when
 * protection starts; the system runs all the same.
 */
export async function protectionSettings(
  system: Pick<System, 'name' | 'plan'>,
  { project, clock, keys }: Omit<Options, 'log'>,
): Promise<Readonly<Record<string, string | number | boolean>>> {
  const { engine: name } = system.plan.recovery
  try {
    if (name === 'native') return await noteChanges(system)
    if (name !== 'pgbackrest') return {}
    const repository = await openPrimaryRepository(project, system, clock, keys)
    const folder = developmentDirectory(project, system.name)
    return (await openEngine({ name, repository, folder, clock })).serverSettings
  } catch {
    return {}
  }
}

/** Incremental backups need to be told which pages change, which a server notes only when it is asked to. */
async function noteChanges(system: Pick<System, 'name' | 'plan'>): Promise<Readonly<Record<string, boolean>>> {
  const { database, recovery } = system.plan
  const incremental = Object.values(recovery.backups).some(
    (each) => each.of === 'database' && each.type === 'incremental',
  )
  if (!incremental || !database || 'summarize_wal' in database.settings) return {}
  const { major } = await findBinaries(...serverChoice(system, database, 'development'))
  return major >= firstIncrementalMajor ? { summarize_wal: true } : {}
}

/** Begins what the engine of the plan runs beside a server: for the native one, the archive. Outages are said once each and waited out. */
export async function startProtection(options: Options & { environment: Environment }): Promise<EnvironmentProtection> {
  const { project, environment, clock, log, keys } = options
  const { system } = environment
  const { engine: name } = system.plan.recovery
  if (name === 'native') return startArchive(options)
  const onTrouble = (error: unknown) => log(`archive | ${describeError(error)}`)
  const opened = await openPrimaryRepository(project, system, clock, keys)
  const { repository, lease } = await holdFor(project, opened, { clock, store: 'primary' })
  const letGo = keepLease(lease, { clock, onTrouble })
  try {
    const engine = await openEngine({ name, repository, folder: developmentDirectory(project, system.name), clock })
    const protection = await engine.protect(environment.server, { onTrouble })
    if (!engine.pointInTime)
      log('archive | only dumps are taken: what is written after the newest is lost with the server')
    return {
      stop: async () => {
        await protection.stop()
        await letGo()
      },
    }
  } catch (error) {
    await letGo()
    throw error
  }
}
