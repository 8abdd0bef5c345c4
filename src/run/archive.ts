import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { describeError } from '../errors.ts'
import type { Project } from '../project/project.ts'
import { directoryStore } from '../recovery/directory-store.ts'
import { openRepository, type Repository } from '../recovery/repository.ts'
import { slotName, startWalReceiver, type WalReceiver } from '../recovery/wal-receiver.ts'
import { loadKeyRing } from '../secrets/key-file.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import { loadOrCreateKey } from '../secrets/repository-key.ts'
import { readUnlock, type UnlockFiles, unlockFiles } from '../secrets/unlock.ts'
import type { Environment } from './environment.ts'
import { developmentDirectory } from './run-state.ts'

/** Where the backups of a development environment lie. */
export function repositoryDirectory(project: Pick<Project, 'state'>, system: string): string {
  return join(developmentDirectory(project, system), 'repository')
}

/** The key of those backups, which never lies beside them. */
export function repositoryKeyFile(project: Pick<Project, 'state'>, system: string): string {
  return join(project.state, 'keys', `${system}.key`)
}

/**
 * The keys in a file, opened by what the person or the environment names when it is locked.
 * @param create makes the file when there is none.
 */
export async function openKeyFile(file: string, create: boolean, files: UnlockFiles = {}): Promise<KeyRing> {
  if (create && !existsSync(file)) await loadOrCreateKey(file)
  return loadKeyRing(file, await readUnlock(unlockFiles(files, process.env)))
}

/** The repository of a development environment, made with its key when there is none. */
export async function openDevelopmentRepository(project: Pick<Project, 'state'>, system: string): Promise<Repository> {
  const key = await openKeyFile(repositoryKeyFile(project, system), true)
  return openRepository({ store: directoryStore(repositoryDirectory(project, system)), key, system })
}

/** Whether the plan promises to bring the database back; only then its WAL is kept. */
export function promisesRecovery({ system }: Pick<Environment, 'system'>): boolean {
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
}): Promise<WalReceiver> {
  const { project, environment, clock, log } = options
  const { name } = environment.system
  return startWalReceiver({
    url: environment.server.url(),
    repository: await openDevelopmentRepository(project, name),
    spool: join(developmentDirectory(project, name), 'spool'),
    slot: slotName(name),
    clock,
    onTrouble: (error) => log(`archive | ${describeError(error)}`),
  })
}
