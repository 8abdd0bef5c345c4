import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { describeError } from '../errors.ts'
import type { Project, System } from '../project/project.ts'
import { type ErasureRecord, erasuresToRepeat } from '../recovery/erasures/journal.ts'
import { openRepository, type Repository } from '../recovery/repository/repository.ts'
import { directoryStore } from '../recovery/stores/directory-store.ts'
import { type HeldRepository, holdRepository } from '../recovery/stores/hold-repository.ts'
import { keepLease } from '../recovery/stores/lease.ts'
import { capabilitiesFile, developmentStore, openPlanStore } from '../recovery/stores/open-store.ts'
import type { Store } from '../recovery/stores/store.ts'
import { lagLimitOf, receiverOptionsOf, watchLag } from '../recovery/wal/receiver-plan.ts'
import { slotName, startWalReceiver, type WalReceiver } from '../recovery/wal/wal-receiver.ts'
import type { Environment } from './environment.ts'
import { keptKeys, type OpenKeys, openKeyFile } from './kept-keys.ts'
import { developmentDirectory } from './run-state.ts'

/** Where the backups of a development environment lie. */
export function repositoryDirectory(project: Pick<Project, 'state'>, system: string): string {
  return developmentStore(developmentDirectory(project, system), 'primary')
}

/** What the receiver of a development environment last said of itself; see `readWalStatus`. */
export function walStatusFile(project: Pick<Project, 'state'>, system: string): string {
  return join(developmentDirectory(project, system), 'wal-status.json')
}

/** The key of those backups, which never lies beside them. */
export function repositoryKeyFile(project: Pick<Project, 'state'>, system: string): string {
  return join(project.state, 'keys', `${system}.key`)
}

/** A store of a plan, as this machine reaches it: where its variable says, else in a directory. @throws as `openPlanStore`. */
export function openStoreOf(
  project: Pick<Project, 'state'>,
  system: Pick<System, 'name' | 'plan'>,
  name: string,
  options: { clock: Clock; write: boolean },
): Promise<Store> {
  return openPlanStore({
    system: system.name,
    stores: system.plan.recovery.stores,
    name,
    variables: process.env,
    state: developmentDirectory(project, system.name),
    ...options,
  })
}

/** The repository that the plan's primary store holds, made with its key when there is none. */
export async function openPrimaryRepository(
  project: Pick<Project, 'state'>,
  system: Pick<System, 'name' | 'plan'>,
  clock: Clock,
  keys: OpenKeys = keptKeys(repositoryKeyFile(project, system.name)),
): Promise<Repository> {
  const key = await keys()
  const store = await openStoreOf(project, system, 'primary', { clock, write: true })
  return openRepository({ store, key, system: system.name })
}

/** The repository in the directory that stands for the primary store in development. */
export async function openDevelopmentRepository(project: Pick<Project, 'state'>, system: string): Promise<Repository> {
  const key = await openKeyFile(repositoryKeyFile(project, system), true)
  return openRepository({ store: directoryStore(repositoryDirectory(project, system)), key, system })
}

/** What was ever erased on purpose, read from the primary store; without a key nothing was ever recorded. */
export function recordedErasures(
  project: Pick<Project, 'state'>,
  system: Pick<System, 'name' | 'plan'>,
  clock: Clock,
  keys?: OpenKeys,
): () => Promise<ErasureRecord[]> {
  return async () =>
    existsSync(repositoryKeyFile(project, system.name))
      ? erasuresToRepeat(await openPrimaryRepository(project, system, clock, keys))
      : []
}

/** Takes the right to write to a repository for this machine. @throws REPOSITORY_HELD */
export function holdFor(
  project: Pick<Project, 'state'>,
  repository: Repository,
  options: { clock: Clock; store?: string },
): Promise<HeldRepository> {
  const { store, ...rest } = options
  const state = developmentDirectory(project, repository.system)
  return holdRepository({
    repository,
    machine: join(project.state, 'machine.json'),
    ...(store === undefined ? {} : { record: capabilitiesFile(state, store) }),
    ...rest,
  })
}

/** Whether the plan promises to bring the database back; only then its WAL is kept. */
export function promisesRecovery({ system }: { system: Pick<System, 'plan'> }): boolean {
  const { backups, pointInTime } = system.plan.recovery
  return pointInTime !== undefined || Object.values(backups).some((backup) => backup.of === 'database')
}

/**
 * Streams the WAL of a running development environment into its repository, so that with a base backup any moment since can be
 * restored. Outages are said once each and waited out.
 */
export async function startArchive(options: {
  project: Pick<Project, 'state'>
  environment: Environment
  clock: Clock
  log(line: string): void
  /** The keys of its repository; from its file unless told. */
  keys?: OpenKeys
}): Promise<WalReceiver> {
  const { project, environment, clock, log, keys } = options
  const { name } = environment.system
  const onTrouble = (error: unknown) => log(`archive | ${describeError(error)}`)
  const opened = await openPrimaryRepository(project, environment.system, clock, keys)
  const { repository, lease } = await holdFor(project, opened, { clock, store: 'primary' })
  const letGo = keepLease(lease, { clock, onTrouble })
  const { recovery } = environment.system.plan
  const report = (line: string) => log(`archive | ${line}`)
  const receiver = await startWalReceiver({
    url: environment.server.url(),
    repository,
    spool: join(developmentDirectory(project, name), 'spool'),
    slot: slotName(name),
    clock,
    onTrouble,
    statusFile: walStatusFile(project, name),
    ...receiverOptionsOf(recovery, environment.server.url(), report),
  }).catch(async (error: unknown) => {
    await letGo()
    throw error
  })
  const endWatch = watchLag(receiver, { limitMs: lagLimitOf(recovery), clock, report })
  const stop = async () => {
    endWatch()
    await receiver.stop()
    await letGo()
  }
  return { ...receiver, stop }
}
