import type { Clock } from '../clock.ts'
import { type Evidence, isBounded } from '../ledger/evidence.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { standing, verdictOf } from '../ledger/verdict.ts'
import { deriveGuarantees } from '../plan/derive.ts'
import type { Guarantee } from '../plan/guarantee.ts'
import type { Project, System } from '../project/project.ts'
import { conclude, type RunFacts } from './conclude.ts'
import type { Effort, Finding } from './prover.ts'
import { isSelected, proverOf, provers, type Selection } from './provers.ts'
import type { Proof } from './report/proof.ts'
import { openSession } from './session.ts'

export interface ProveOptions {
  project: Project
  system: System
  ledger: Ledger
  /** What the digest of each guarantee's subject is now. */
  subjectOf(guarantee: Guarantee): string
  facts: RunFacts
  clock: Clock
  effort: Effort['name']
  /** Only these are carried out; every verdict is told. */
  selection: Selection
  /** Also what is proven and fresh. */
  again: boolean
  signal: AbortSignal
  progress(subject: string, step: string): void
  log(line: string): void
  /** Told of each piece of evidence once it is in the ledger. */
  concluded(evidence: Evidence): void
}

/**
 * Carries out what is not proven and fresh, appends the evidence to the ledger, and reads every verdict back from there.
 * Evidence is kept as soon as it is found: a run that is cut short loses only what it was doing.
 */
export async function prove(options: ProveOptions): Promise<Proof[]> {
  const { system, ledger, clock, subjectOf } = options
  const guarantees = deriveGuarantees(system.plan)
  const verdicts = () => {
    // Reading walks the whole chain, so it is read once for all guarantees.
    const latest = ledger.latest(system.name)
    return (guarantee: Guarantee): Omit<Proof, 'fresh'> => {
      const subject = subjectOf(guarantee)
      const evidence = standing(guarantee, latest.get(guarantee.id), subject, clock.now())
      return { guarantee, evidence, verdict: verdictOf(guarantee, evidence, subject, clock.now()) }
    }
  }
  const before = verdicts()
  const wanted = guarantees.filter(
    (guarantee) =>
      isSelected(guarantee, system, options.selection) &&
      (options.again || !isSettled(before(guarantee), options.effort)),
  )
  const tried = new Set<string>()
  const drivable = (guarantee: Guarantee) =>
    system.plan.exercise !== undefined || proverOf(guarantee, system)?.needsExercise === false
  const able = wanted.filter(drivable)
  for (const guarantee of wanted.filter((each) => !drivable(each))) {
    // Said once: a ledger that repeats it at every run would hide what did change.
    if (!options.again && before(guarantee).verdict === 'inconclusive') continue
    const startedAt = clock.now()
    const finding: Finding = { guarantee, outcome: 'inconclusive', steps: [], startedAt, tookMs: 0, ...undriven }
    const evidence = conclude(finding, subjectOf(guarantee), options.facts)
    ledger.append(evidence)
    tried.add(guarantee.id)
    options.concluded(evidence)
  }

  if (able.length > 0) {
    const { session, close } = await openSession({
      system,
      state: options.project.state,
      clock,
      seed: options.facts.seed,
      effort: options.effort,
      signal: options.signal,
      progress: options.progress,
      log: options.log,
    })
    try {
      for (const prover of provers) {
        const own = able.filter((guarantee) => proverOf(guarantee, system) === prover)
        if (own.length === 0) continue
        for await (const finding of prover.prove(own, session)) {
          // What an interruption broke off was not refuted.
          options.signal.throwIfAborted()
          const evidence = conclude(finding, subjectOf(finding.guarantee), options.facts)
          ledger.append(evidence)
          tried.add(finding.guarantee.id)
          options.concluded(evidence)
        }
      }
    } finally {
      await close()
    }
  }
  const now = verdicts()
  return guarantees.map((guarantee) => ({ ...now(guarantee), fresh: tried.has(guarantee.id) }))
}

const undriven = {
  reason: 'The plan names no exercise, so that nothing can drive the system',
  remedy: 'Write one as docs/exercise.md shows, and name it in the plan',
} as const

/** Whether nothing is left to do: proven and fresh, and not by less effort than is asked for. */
export function isSettled({ verdict, evidence }: Omit<Proof, 'fresh'>, effort: Effort['name']): boolean {
  return verdict === 'proven' && (effort === 'fast' || (evidence !== undefined && !isBounded(evidence)))
}

/**
 * Exit code of `prove`: 1 when anything that was asked about is refuted, also by an earlier run; else 3 when anything selected
 * is not proven.
 */
export function exitOfProofs(proofs: readonly Proof[], system: System, selection: Selection): 0 | 1 | 3 {
  const provable = proofs.filter(({ guarantee }) => proverOf(guarantee, system) !== undefined)
  if (provable.some(({ verdict }) => verdict === 'refuted')) return 1
  const selected = provable.filter(({ guarantee }) => isSelected(guarantee, system, selection))
  return selected.every(({ verdict }) => verdict === 'proven') ? 0 : 3
}
