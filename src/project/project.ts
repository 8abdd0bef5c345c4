import type { Location } from '../errors.ts'
import type { Plan, PlanPath } from '../plan/plan.ts'

/** A folder with one or more systems. */
export interface Project {
  root: string
  /** Where Aval keeps its own state: ledger, keys, data of development databases. `<root>/.aval`. */
  state: string
  /** Names of the systems, sorted. */
  systems: readonly string[]
  /** The system whose folder the person stands in, when they stand in one. */
  here?: string
}

/** Whether to point at the name of an entry or at what stands behind its colon. */
export type PlanPart = 'key' | 'value'

/** Where an entry of the plan stands in its file: the literal at the path, else its nearest ancestor. */
export type Locate = (path: PlanPath, part?: PlanPart) => Location

/** One system of a project, its plan parsed. */
export interface System {
  name: string
  /** Absolute folder that holds plan.ts. */
  directory: string
  planFile: string
  plan: Plan
  /** SHA-256 of the normalised plan, hex. */
  planDigest: string
  locate: Locate
}
