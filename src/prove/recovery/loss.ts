import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Random, seededRandom } from '../../random.ts'
import { createBackup } from '../../recovery/base-backup.ts'
import { directoryStore } from '../../recovery/directory-store.ts'
import { openRepository, type Repository } from '../../recovery/repository.ts'
import type { Store } from '../../recovery/store.ts'
import { slotName, startWalReceiver } from '../../recovery/wal-receiver.ts'
import { loadOrCreateKey } from '../../secrets/repository-key.ts'
import type { Ack, Actor } from '../exercise.ts'
import { type Load, startLoad, untilWrites } from '../load.ts'
import { oncePerSession } from '../once.ts'
import type { ProofSession } from '../prover.ts'
import type { Steps } from '../steps.ts'
import { flipByte, removeWalWithin } from './damage.ts'
import { severable } from './severable-store.ts'
import { databaseBytes, growDatabase } from './size.ts'

/** What is left after the server and everything on its machine is gone. Times in milliseconds since the epoch. */
export interface Aftermath {
  repository: Repository
  storeDirectory: string
  /** Opens the same repository over another store, such as a damaged copy. */
  open(store: Store): Promise<Repository>
  /** A moment in the middle of the load. */
  moment: number
  faultAt: number
  /** Acknowledgements received before the fault by clients that have been quiet since. */
  acks: readonly Ack[]
  actors: readonly Actor[]
  /** A client that never stopped trying; what it lost it may have brought back before anybody asks. */
  watch: Load
  /** Where the server listened. */
  port: number
  /** Size of the databases before the fault. */
  bytes: number
  steps: Steps
  startedAt: number
}

const writesBeforeBackup = 20

/**
 * Full loss, for real: clients work, a backup is taken under their load, they work on, then the server is killed and its data
 * and the receiver's spool are removed. Only the store is left, and one client that keeps trying. Done once a session.
 */
export const loseEverything = oncePerSession(async (session: ProofSession): Promise<Aftermath> => {
  const { clock, exercise, effort, scratch, system } = session
  const steps = session.steps('recovery')
  const startedAt = clock.now()
  const environment = await steps.do('system up and migrated', () => scratch.environment())
  const storeDirectory = join(scratch.directory, 'repository')
  const spool = join(scratch.directory, 'spool')
  const key = await loadOrCreateKey(join(scratch.directory, 'repository.key'))
  const open = (store: Store) => openRepository({ store, key, system: system.name })
  const repository = await open(directoryStore(storeDirectory))
  const machine = severable(repository.store)
  const reached = await open(machine.store)

  if (effort.growToBytes > 0) {
    const url = environment.server.url({ database: environment.database.name })
    await steps.do('database grown', () => growDatabase(url, effort.growToBytes))
  }
  const receiver = await startWalReceiver({
    url: environment.server.url(),
    repository: reached,
    spool,
    slot: slotName(system.name),
    clock,
    heartbeatMs: 1_000,
  })
  session.defer(receiver.stop)

  const actors = await steps.do(
    'clients signed in',
    () => exercise.actors(session.seed, effort.actors + 1),
    (all) => `${all.length} clients`,
  )
  const random: Random = seededRandom(session.seed).fork('recovery')
  const load = startLoad({ exercise, actors: actors.slice(1), random, clock })
  const watch = startLoad({ exercise, actors: actors.slice(0, 1), random, clock, restMs: 20 })
  session.defer(async () => {
    await Promise.all([load.stop(), watch.stop()])
  })

  await steps.do('clients at work', () => untilWrites(load, writesBeforeBackup, clock, 60_000))
  const backup = await steps.do(
    'base backup under load',
    () => createBackup({ url: environment.server.url(), repository, clock, receiver }),
    (info) => info.id,
  )
  await steps.do('clients work on', () => clock.sleep(effort.loadMs, session.signal))
  const moment = clock.now()
  await steps.do('and on, past the moment of the point in time', () => clock.sleep(effort.loadMs, session.signal))
  const bytes = await databaseBytes(environment.server.url())

  const { port, dataDirectory } = environment.server
  // The store is out of reach first: what is acknowledged until the server is really dead is acknowledged and must count.
  const faultAt = await steps.do('server killed, its data and the spool removed', async () => {
    machine.sever()
    await environment.server.kill()
    const killedAt = clock.now()
    await receiver.stop()
    for (const lost of [dataDirectory, spool]) await rm(lost, { recursive: true, force: true })
    return killedAt
  })
  await load.stop()
  if (session.faults.has('wal-segment-removed')) await removeWalWithin(repository.store, storeDirectory)
  if (session.faults.has('byte-flipped')) await flipByte(storeDirectory, `backups/${backup.id}/base.tar`, random)
  const acks = load.acks.filter((ack) => ack.acknowledgedAt <= faultAt)
  return { repository, storeDirectory, open, moment, faultAt, acks, actors, watch, port, bytes, steps, startedAt }
})
