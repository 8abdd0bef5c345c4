import type { Clock } from '../clock.ts'
import type { EvidenceStep } from '../ledger/evidence.ts'
import type { Guarantee, GuaranteeKind } from '../plan/guarantee.ts'
import type { Plan } from '../plan/plan.ts'
import type { System } from '../project/project.ts'
import type { Exercise, Mutation } from './exercise.ts'
import type { Scratch } from './scratch.ts'
import type { Steps } from './steps.ts'

/** How much is done: the full work, or bounded for a quick look. What was bounded shows in sample and scale. */
export interface Effort {
  name: 'full' | 'fast'
  /** Clients that drive the system at once. */
  actors: number
  /** Milliseconds of load before and after each turning point of a recovery drill. */
  loadMs: number
  /** Observations a percentile rests on. */
  samples: number
  /** Bytes the database is grown to before a drill, so that a restore has something to move. */
  growToBytes: number
}

export const efforts: Record<Effort['name'], Effort> = {
  full: { name: 'full', actors: 8, loadMs: 6_000, samples: 1_000, growToBytes: 64_000_000 },
  fast: { name: 'fast', actors: 4, loadMs: 3_000, samples: 100, growToBytes: 0 },
}

/** What every prover of one run shares. */
export interface ProofSession {
  system: System
  exercise: Exercise
  scratch: Scratch
  effort: Effort
  seed: number
  clock: Clock
  signal: AbortSignal
  /** Breaks that the self-test put in; empty in a real run. */
  faults: ReadonlySet<Fault>
  /** Work to do when the session ends, whatever came of it; done in reverse order. */
  defer(work: () => Promise<void>): void
  /** From now on the exercise finds services at these addresses; where the scratch environment has them, without any. */
  route(addresses: Readonly<Record<string, string>> | undefined): void
  /** The addresses of the last `route`. */
  routed(): Readonly<Record<string, string>> | undefined
  /** Records what is done about a subject, shows it while it runs, and keeps it for the evidence; one record a subject. */
  steps(subject: string): Steps
}

/** Breaks of what a prover watches over, made beside the system under test. Systems bring their own as `Mutation`s. */
export type Fault =
  | 'wal-segment-removed'
  | 'byte-flipped'
  | 'restore-too-late'
  | 'services-left-behind'
  | 'migration-marked-applied'
  | 'second-store-stale'
  | 'merge-replaces-database'
  | 'child-table-skipped'
  | 'damage-not-repaired'
  | 'standby-lagging'
  | 'fence-missing'
  | 'clone-incomplete'
  | 'verify-skips'
  | 'retention-day-early'
  | 'retention-only-backup'
  | 'retention-hold-forgotten'
  | 'erasure-not-repeated'
  | 'escrow-copy-outdated'
  | 'restore-crawls'
  | 'slow-service'
  | 'index-corrupted'
  | 'restore-left-unfinished'
  | 'alert-metric-misspelt'
  | 'alert-label-misspelt'
  | 'alert-bound-moved'
  | 'alert-duration-ignored'
  | 'alert-duration-doubled'
  | 'channel-unplugged'
  | 'message-repeated'
  | 'answer-forgotten'
  | 'end-untold'
  | 'runbook-option-misspelt'
  | 'runbook-command-fails'
  | 'runbook-column-missing'
  | 'runbook-variable-unnamed'
  | 'runbook-emptied'
  | 'metric-never-emitted'
  | 'isolation-policy-true'
  | 'isolation-check-true'
  | 'isolation-security-off'
  | 'isolation-not-forced'
  | 'isolation-bypass'
  | 'isolation-definer'
  | 'isolation-view'
  | 'isolation-partition'
  | 'isolation-tenant-moves'
  | 'isolation-truncate'
  | 'isolation-sequence'
  | 'isolation-unique'
  | 'migration-rewrites'
  | 'migration-needs-data'
  | 'migration-refuses-data'
  | 'probe-always-well'
  | 'probe-counts-early'
  | 'probe-counts-late'
  | 'heartbeat-of-another'
  | 'heartbeat-forgotten'
  | 'spend-bound-doubled'
  | 'spend-bound-halved'

/**
 * What a prover found for one guarantee. The verdict is not the prover's to give: `conclude` holds the measurement against
 * the target. `broken` names a breach that no number expresses and refutes whatever was measured.
 */
export type Finding =
  | {
      guarantee: Guarantee
      outcome: 'measured'
      measured: number
      sample: { size: number; of: string }
      scale: { measuredBytes: number; declaredBytes: number } | null
      steps: EvidenceStep[]
      reason: string
      broken?: string | undefined
      remedy?: string | undefined
      startedAt: number
      tookMs: number
    }
  | {
      guarantee: Guarantee
      /** `failed`: what was promised could not be done at all. `inconclusive`: it could not be judged. */
      outcome: 'failed' | 'inconclusive'
      steps: EvidenceStep[]
      reason: string
      remedy: string
      startedAt: number
      tookMs: number
    }

/** What a judgement says, before it is known whose it is and how long it took. */
export type Judged =
  | Omit<Extract<Finding, { outcome: 'measured' }>, 'guarantee' | 'steps' | 'startedAt' | 'tookMs'>
  | { outcome: 'inconclusive'; reason: string; remedy: string }

export interface Prover {
  kind: GuaranteeKind
  /** Whether this prover carries the guarantee out; what no prover accepts stays unproven. */
  accepts(guarantee: Guarantee, system: System): boolean
  /** False for a prover that never touches `session.exercise`, so that it serves systems without one. */
  needsExercise?: false
  /** Whether it takes too long for every day: carried out when it is asked for, by its name or with all that takes long. */
  isLong?(guarantee: Guarantee, system: System): boolean
  prove(guarantees: readonly Guarantee[], session: ProofSession): AsyncIterable<Finding>
  /** Faults of its own that the self-test must see refuted. */
  mutants: readonly FaultMutant[]
}

export interface FaultMutant {
  id: string
  fault: Fault
  /** The guarantee that must be refuted under the fault; undefined where the plan holds none that it would break. */
  breaks(guarantees: readonly Guarantee[], plan: Plan): Guarantee | undefined
  /** What the reason must say: a refutation for another reason, such as a run that broke down, has not seen the fault. */
  says?: RegExp
  description: string
}

/** A mutant of either origin, ready to be tried. */
export type Mutant =
  | { id: string; description: string; guarantee: Guarantee; fault: Fault; says?: RegExp | undefined }
  | { id: string; description: string; guarantee: Guarantee; mutation: Mutation }
