import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { failure } from '../errors.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { startServer } from '../postgres/launch.ts'
import { reachable } from '../postgres/place.ts'
import type { Project, System } from '../project/project.ts'
import { recordedErasures } from '../run/archive.ts'
import { lockDirectory } from '../run/owner-lock.ts'
import { prepareSystem } from '../run/prepare-system.ts'
import { developmentDirectory, readRunState } from '../run/run-state.ts'
import { serverChoice } from '../run/server-choice.ts'
import { environmentStandby } from '../run/standby.ts'
import { loadOrCreateKey } from '../secrets/repository-key.ts'
import { externalUrl, isOwnServer, type TargetChoice } from './external-url.ts'

export interface Target {
  /** As the owner of the schema; undefined for a development database that nobody has made yet. */
  ownerUrl: string | undefined
  /** As whoever may take a base backup; the owner where nobody else is known. */
  backupUrl: string | undefined
  /** Where it is, for a person; no credentials. */
  description: string
}

/**
 * Finds the database, does the work, and leaves things as they were: a development server that did not run is stopped again.
 * @param create whether a development database that is not there yet is made
 * @param variables the environment variables of the command
 * @throws NO_DATABASE, MIGRATE_NO_URL, MIGRATE_NO_SERVER, errors of the server
 */
export async function withTarget<T>(
  project: Project,
  system: System,
  choice: TargetChoice & { create: boolean; clock: Clock; variables: NodeJS.ProcessEnv },
  work: (target: Target) => Promise<T>,
): Promise<T> {
  const plan = system.plan.database
  if (!plan) throw failure('NO_DATABASE', { system: system.name, file: system.planFile })
  const { clock } = choice
  if (!isOwnServer(plan, choice)) {
    const { url, variable } = externalUrl(system, plan, choice, choice.variables)
    return work({ ownerUrl: url, backupUrl: url, description: `the server of ${variable}` })
  }

  const running = readRunState(project, system.name)
  if (running) {
    const { ownerUrl, adminUrl: backupUrl } = running
    return work({ ownerUrl, backupUrl, description: 'the development server of `aval up`' })
  }
  const directory = developmentDirectory(project, system.name)
  if (!choice.create && !(await isThere(join(directory, 'owner.db')))) {
    return work({
      ownerUrl: undefined,
      backupUrl: undefined,
      description: 'a development database that is not made yet',
    })
  }

  await using cleanup = new AsyncDisposableStack()
  const lock = lockDirectory(directory, system.name, clock)
  cleanup.defer(() => lock.release())
  const binaries = await findBinaries(...serverChoice(system, plan, 'development'))
  const launch = (dataDirectory: string) => startServer({ dataDirectory, binaries, clock, settings: plan.settings })
  // With its standby: commits may wait for it.
  const standby = environmentStandby({
    system,
    directory,
    clock,
    log: () => undefined,
    erasures: recordedErasures(project, system, clock),
  })
  cleanup.defer(() => standby.stop())
  const server = await standby.open(launch, await reachable(join(directory, 'database')))
  cleanup.defer(() => server.stop())
  const secret = await loadOrCreateKey(join(directory, 'roles.key'))
  const database = await prepareSystem(server, system.name, plan, secret)
  return await work({
    ownerUrl: database.ownerUrl,
    backupUrl: server.url({ database: database.name }),
    description: 'the development database',
  })
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
