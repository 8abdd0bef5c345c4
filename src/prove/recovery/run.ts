import type { Procedure, Step } from '../../plan/recovery.ts'
import type { FaultName } from '../../plan/scenario.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import type { Child } from '../../process.ts'
import type { Ack, Actor } from '../exercise.ts'
import type { Load } from '../load.ts'
import type { ProofSession } from '../prover.ts'
import { type ReadBack, readBackAll } from '../read-back.ts'
import type { Steps } from '../steps.ts'
import type { Custody } from './custody.ts'
import type { Pairing } from './pairing.ts'
import type { Site } from './site.ts'
import type { WorkTree } from './work-tree.ts'

/** What a fault did. Times in milliseconds since the epoch. */
export interface Blow {
  /** When it struck, or was noticed where the system went on: the clock of the procedure starts here. */
  at: number
  /** What it did, in a few words. */
  what: string
  /** Only what was acknowledged until then has to be there again before clients bring anything back; everything unless told. */
  until?: number
  /** The last moment before the harm, where the fault has one. */
  moment?: number
  /** `schema.table` that was dropped or damaged. */
  table?: string
  /** Its column by which the tenant is known whose rows were deleted. */
  key?: string
  /** The standby that is left. */
  pairing?: Pairing
  /** Where the key is, once its file is gone. */
  custody?: Custody
  /** What was acknowledged before had been copied to the second store. */
  copiedUntil?: number
  /** The repository of the source. */
  source?: WorkTree
  /** What the fault took and the recovery did not bring back, each a sentence; asked once all steps are done. */
  check?(restored: ReadBack): Promise<string[]>
  /** Puts away what the fault brought and no system has; done when everything has been measured. */
  tidy?(): Promise<void>
}

/** A scenario before its fault. */
export type Beginning = Omit<Run, 'blow'>

/** Causes a fault. */
export type Strike = (run: Beginning) => Promise<Blow>

/** One scenario under way: what every action sees, and what it leaves for the ones after it. */
export interface Run {
  session: ProofSession
  site: Site
  name: string
  procedure: Procedure
  fault: FaultName
  steps: Steps
  /** Clients whose acknowledgements are asked for afterwards. */
  load: Load
  /** Devices at work in this scenario. */
  working: readonly Actor[]
  /** A client that never stops trying. */
  watch: Load
  blow: Blow
  /** What the steps so far have made. */
  made: Made
  measured: Measured
}

export interface Made {
  /** Where a cluster is restored to. */
  directory?: string
  /** A moment found to restore to. */
  moment?: number
  /** Whose rows are deleted, and the column that says so; chosen before anybody works, so that nobody works as them. */
  tenant?: { column: string; tenant: string }
  /** A table that was found damaged. */
  damaged?: string
  /** The old primary, following. */
  rejoined?: OwnedServer
  /** Aval as it runs from a clone. */
  up?: Child
  /** The pending migrations were applied. */
  migrated?: boolean
  /** A server restored beside the running one. */
  beside?: OwnedServer
}

/** What was found before and after clients brought back what they hold. */
export interface Measured {
  restored?: ReadBack
  settled?: ReadBack
  /** Why clients could not synchronise. */
  unsettled?: string
  /** When clients were told, and when all of them had settled. */
  settledAt?: number
  /** Breaches that no number expresses, each a sentence. */
  breaches: string[]
}

/** How a step was carried out, and what was seen. */
export interface Done {
  /** The command as it was typed, or what was called in its place. */
  by: string
  saw: string
}

export type CarryOut = (run: Run, step: Step) => Promise<Done>

/** What an earlier step must have left. @throws when it did not, which fails the step that asks. */
export function need<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no step before this one ${what}`)
  return value
}

/** Every write that the system has to keep: of this scenario and of those before it on the same site. */
export function promised({ site, load }: Run): Ack[] {
  return [...site.acks, ...load.acks]
}

/** Asks for every acknowledged write before any client brought anything back. Done once a scenario. */
export async function measureRestored(run: Run): Promise<ReadBack> {
  const { measured, session } = run
  await run.load.stop()
  measured.restored ??= await run.steps.do(
    'every acknowledged write asked for',
    () => readBackAll(session.exercise, promised(run)),
    describeReadBack,
  )
  return measured.restored
}

/**
 * Lets real clients notice and bring back what they hold, and asks again. Done once a scenario.
 * @returns undefined for a system whose clients hold nothing that they could bring back.
 */
export async function settleClients(run: Run): Promise<ReadBack | undefined> {
  const { measured, session } = run
  if (measured.settled) return measured.settled
  await measureRestored(run)
  await run.watch.stop()
  if (session.exercise.settle === undefined) return undefined
  try {
    await session.exercise.settle([...run.site.clients, run.site.watcher])
  } catch (error) {
    measured.unsettled = error instanceof Error ? error.message : String(error)
  }
  measured.settledAt = session.clock.now()
  measured.settled = await run.steps.do(
    'every acknowledged write asked for again',
    () => readBackAll(session.exercise, promised(run)),
    describeReadBack,
  )
  return measured.settled
}

export function describeReadBack({ kept, lost, altered }: ReadBack): string {
  return `${kept.length} there, ${lost.length} not, ${altered.length} altered`
}
