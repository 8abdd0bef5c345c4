import { seededRandom } from '../../random.ts'
import { createBackup } from '../../recovery/backup/base-backup.ts'
import type { Ack, Actor } from '../exercise.ts'
import { startLoad, untilWrites } from '../load.ts'
import { oncePerSession } from '../once.ts'
import type { ProofSession } from '../prover.ts'
import { type Machine, machineOf } from './machine.ts'
import { beforeFault, ScenarioUnready } from './scenario-error.ts'
import { growDatabase } from './size.ts'

/**
 * What scenarios happen to: a machine that serves, and clients that work with it. One site goes on from scenario to scenario, on whatever
 * server the last one left, as production would.
 */
export interface Site extends Machine {
  /** Does the load; each may be the second device of a user. */
  clients: readonly Actor[]
  /** A client that never stops trying, by which an outage is measured. */
  watcher: Actor
  /** What the clients were acknowledged in the scenarios before. */
  acks: Ack[]
  /** Why no scenario can happen to it any more; undefined while it serves. */
  ruin: string | undefined
}

const writesBeforeBackup = 20

/** The site of a session: the system up and under load, and a base backup taken meanwhile. Made once. */
export const siteOf = oncePerSession(async (session: ProofSession): Promise<Site> => {
  const { clock, exercise, effort } = session
  const steps = session.steps('recovery')
  const machine = await beforeFault(machineOf(session))
  const { environment, repository } = machine
  if (effort.growToBytes > 0) {
    const url = environment.server.url({ database: environment.database.name })
    await steps.do('database grown', () => growDatabase(url, effort.growToBytes))
  }
  const [watcher, ...clients] = await beforeFault(
    steps.do(
      'clients signed in',
      () => exercise.actors(session.seed, effort.actors + 1),
      (all) => `${all.length} clients`,
    ),
  )
  if (watcher === undefined) throw new ScenarioUnready('The exercise brought no clients')
  // The machine itself, since what scenarios change of the site its archive must see.
  const site: Site = Object.assign(machine, { clients, watcher, acks: [], ruin: undefined })

  const started = await site.archive()
  const random = seededRandom(session.seed).fork('recovery')
  const load = startLoad({ exercise, actors: clients, random, clock })
  session.defer(load.stop)
  await beforeFault(steps.do('clients at work', () => untilWrites(load, writesBeforeBackup, clock, 60_000)))
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
