import { rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../../random.ts'
import { createBackup } from '../../recovery/backup/base-backup.ts'
import { openRepository, type Repository } from '../../recovery/repository/repository.ts'
import { directoryStore } from '../../recovery/stores/directory-store.ts'
import type { Store } from '../../recovery/stores/store.ts'
import { receiverOptionsOf } from '../../recovery/wal/receiver-plan.ts'
import { slotName, startWalReceiver, type WalReceiver } from '../../recovery/wal/wal-receiver.ts'
import { repositoryDirectory, repositoryKeyFile } from '../../run/archive.ts'
import type { Environment } from '../../run/environment.ts'
import { writeRunState } from '../../run/run-state.ts'
import { loadOrCreateKey } from '../../secrets/repository-key.ts'
import type { Ack, Actor } from '../exercise.ts'
import { startLoad, untilWrites } from '../load.ts'
import { oncePerSession } from '../once.ts'
import type { ProofSession } from '../prover.ts'
import { makeOperator, type Operator } from './operator.ts'
import { ScenarioUnready } from './scenario-error.ts'
import { severable } from './severable-store.ts'
import { growDatabase } from './size.ts'

/**
 * What scenarios happen to: a system that serves, clients that work with it, its archive, and whoever operates it. One site goes on
 * from scenario to scenario, on whatever server the last one left, as production would.
 */
export interface Site {
  operator: Operator
  environment: Environment
  /** The repository as whoever recovers opens it. */
  repository: Repository
  storeDirectory: string
  keyFile: string
  /** Opens the repository over another store, such as a damaged copy. */
  open(store: Store): Promise<Repository>
  /** Does the load; each may be the second device of a user. */
  clients: readonly Actor[]
  /** A client that never stops trying, by which an outage is measured. */
  watcher: Actor
  /** What the clients were acknowledged in the scenarios before. */
  acks: Ack[]
  /** The receiver that brings the WAL, started again when none runs. */
  archive(): Promise<WalReceiver>
  /** From now on nothing that runs on the machine reaches the store. */
  sever(): void
  /** Ends the receiver, whether it could store what it holds or not. */
  stopArchive(): Promise<void>
  /** Tells the operator's commands which server runs now, and where its data lie. */
  announce(): void
  /** Why no scenario can happen to it any more; undefined while it serves. */
  ruin: string | undefined
}

const writesBeforeBackup = 20

/** The site of a session: the system up and under load, and a base backup taken meanwhile. Made once. */
export const siteOf = oncePerSession(async (session: ProofSession): Promise<Site> => {
  const { clock, exercise, effort, scratch, system } = session
  const { engine } = system.plan.recovery
  // A site is made of a base backup, WAL and moments; what other engines promise is measured where they are tried.
  if (engine !== 'native') throw new ScenarioUnready(`Scenarios run on the native engine; the plan chose ${engine}`)
  const steps = session.steps('recovery')
  const environment = await steps.do('system up and migrated', () => scratch.environment())
  const operator = await makeOperator({ system, root: join(scratch.directory, 'operator') })
  const storeDirectory = repositoryDirectory(operator.project, system.name)
  const keyFile = repositoryKeyFile(operator.project, system.name)
  const key = await loadOrCreateKey(keyFile)
  const open = (store: Store) => openRepository({ store, key, system: system.name })
  const repository = await open(directoryStore(storeDirectory))
  if (effort.growToBytes > 0) {
    const url = environment.server.url({ database: environment.database.name })
    await steps.do('database grown', () => growDatabase(url, effort.growToBytes))
  }
  const actors = await steps.do(
    'clients signed in',
    () => exercise.actors(session.seed, effort.actors + 1),
    (all) => `${all.length} clients`,
  )
  const [watcher, ...clients] = actors
  if (watcher === undefined) throw new Error('the exercise brought no clients')

  let machine = severable(repository.store)
  let receiver: WalReceiver | undefined
  const site: Site = {
    operator,
    environment,
    repository,
    storeDirectory,
    keyFile,
    open,
    clients,
    watcher,
    acks: [],
    ruin: undefined,
    archive: async () => {
      if (receiver) return receiver
      machine = severable(site.repository.store)
      receiver = await startWalReceiver({
        url: environment.server.url(),
        repository: await open(machine.store),
        spool: spoolOf(site),
        slot: slotName(system.name),
        clock,
        heartbeatMs: 1_000,
        ...receiverOptionsOf(system.plan.recovery, environment.server.url(), () => undefined),
      })
      return receiver
    },
    stopArchive: async () => {
      const stopping = receiver
      receiver = undefined
      await stopping?.stop()
    },
    sever: () => machine.sever(),
    announce: () => {
      const place = join(site.operator.directory, 'database')
      if (place !== environment.server.dataDirectory) {
        rmSync(place, { force: true })
        symlinkSync(environment.server.dataDirectory, place)
      }
      writeRunState(site.operator.project, environment, site.storeDirectory)
    },
  }
  session.defer(site.stopArchive)
  const started = await site.archive()
  const random = seededRandom(session.seed).fork('recovery')
  const load = startLoad({ exercise, actors: clients, random, clock })
  session.defer(load.stop)
  await steps.do('clients at work', () => untilWrites(load, writesBeforeBackup, clock, 60_000))
  await steps.do(
    'base backup under load',
    () => createBackup({ url: environment.server.url(), repository, clock, receiver: started }),
    ({ id }) => id,
  )
  await load.stop()
  site.acks.push(...load.acks)
  site.announce()
  return site
})

/** Where WAL waits for the store on the machine of a site. */
export function spoolOf({ operator }: Pick<Site, 'operator'>): string {
  return join(operator.directory, 'spool')
}
