import type { Clock } from '../clock.ts'
import { describeError } from '../errors.ts'
import type { Project, System } from '../project/project.ts'
import { type Copying, startCopying } from '../recovery/stores/copying.ts'
import { outages } from '../recovery/wal/outages.ts'
import { openStoreOf } from './archive.ts'

export interface Copies {
  /** How far each copy is behind, milliseconds; undefined for one that was never brought up. */
  lag(): ReadonlyMap<string, number | undefined>
  stop(): Promise<void>
}

/** How often copies are brought up: far below the hour that plans allow to be lost with a region. */
const everyMs = 60_000

/** Stores that receive copies of the database's backups from the primary store, by the plan. */
export function copyTargets({ plan }: Pick<System, 'plan'>): string[] {
  const targets = Object.values(plan.recovery.backups).flatMap(({ of, store, copyTo }) =>
    of === 'database' && store === 'primary' && copyTo !== undefined ? [copyTo] : [],
  )
  return [...new Set(targets)]
}

/**
 * Keeps the second stores of a plan up with the primary one until it is stopped. A store that cannot be opened or reached is told once and
 * tried again each time; nothing else waits for it.
 */
export function startCopies(options: {
  project: Pick<Project, 'state'>
  system: Pick<System, 'name' | 'plan'>
  clock: Clock
  log(line: string): void
}): Copies {
  const { project, system, clock, log } = options
  const stopping = new AbortController()
  const running = new Map<string, Copying>()
  const follow = async (name: string) => {
    const onTrouble = (error: unknown) => log(`copy to ${name} | ${describeError(error)}`)
    const outage = outages(onTrouble, clock.now).part()
    while (!stopping.signal.aborted) {
      try {
        const from = await openStoreOf(project, system, 'primary', { clock, write: false })
        const to = await openStoreOf(project, system, name, { clock, write: true })
        if (!stopping.signal.aborted) running.set(name, startCopying({ from, to, everyMs, clock, onTrouble }))
        return
      } catch (error) {
        outage.hit(error)
      }
      await clock.sleep(everyMs, stopping.signal).catch(() => undefined)
    }
  }
  const opening = Promise.all(copyTargets(system).map(follow))
  return {
    lag: () => new Map(copyTargets(system).map((name) => [name, running.get(name)?.lagMs()])),
    stop: async () => {
      stopping.abort()
      await opening
      for (const copying of running.values()) await copying.stop()
    },
  }
}
