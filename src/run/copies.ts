import type { Clock } from '../clock.ts'
import { describeError } from '../errors.ts'
import type { Project, System } from '../project/project.ts'
import { type Copying, startCopying } from '../recovery/copying.ts'
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
 * Keeps the second stores of a plan up with the primary one as long as it runs. A store that cannot be opened is told and tried no more;
 * outages of those that can are said once each and waited out.
 */
export async function startCopies(options: {
  project: Pick<Project, 'state'>
  system: Pick<System, 'name' | 'plan'>
  clock: Clock
  log(line: string): void
}): Promise<Copies> {
  const { project, system, clock, log } = options
  const running = new Map<string, Copying>()
  for (const name of copyTargets(system)) {
    const onTrouble = (error: unknown) => log(`copy to ${name} | ${describeError(error)}`)
    try {
      const from = await openStoreOf(project, system, 'primary', { clock, write: false })
      const to = await openStoreOf(project, system, name, { clock, write: true })
      running.set(name, startCopying({ from, to, everyMs, clock, onTrouble }))
    } catch (error) {
      onTrouble(error)
    }
  }
  return {
    lag: () => new Map([...running].map(([name, copying]) => [name, copying.lagMs()])),
    stop: async () => {
      for (const copying of running.values()) await copying.stop()
    },
  }
}
