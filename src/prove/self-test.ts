import { messageOf } from '../errors.ts'
import type { Evidence } from '../ledger/evidence.ts'
import { deriveGuarantees } from '../plan/derive.ts'
import type { System } from '../project/project.ts'
import { conclude, type RunFacts } from './conclude.ts'
import { loadExercise } from './load-exercise.ts'
import type { Finding, Mutant } from './prover.ts'
import { proverOf, provers } from './provers.ts'
import { openSession, type SessionOptions } from './session.ts'

type MutantOptions = Omit<SessionOptions, 'faults' | 'mutation' | 'effort'>

export interface MutantResult {
  mutant: Mutant
  /** What the prover made of the broken system. */
  evidence: Evidence
  /** Whether it saw the break. */
  seen: boolean
}

/**
 * Every mutant of the provers and of the system's exercise whose guarantee the plan holds.
 * @throws when a mutant names a guarantee that no prover carries out: it would pass for tested and be none.
 */
export async function mutantsOf(system: System): Promise<Mutant[]> {
  const guarantees = deriveGuarantees(system.plan).filter((guarantee) => proverOf(guarantee, system) !== undefined)
  const ofProvers = provers.flatMap(({ mutants }) =>
    mutants.flatMap(({ id, description, fault, breaks, says }): Mutant[] => {
      const guarantee = breaks(guarantees, system.plan)
      return guarantee === undefined ? [] : [{ id, description, guarantee, fault, says }]
    }),
  )
  const factory = await loadExercise(system)
  const exercise = factory?.({ address: () => '', now: () => 0 })
  const ofSystem = (exercise?.mutations() ?? []).map((mutation): Mutant => {
    const guarantee = guarantees.find(({ id }) => id === mutation.breaks)
    if (!guarantee) throw new Error(`the mutation ${mutation.id} breaks ${mutation.breaks}, which nothing proves`)
    return { id: mutation.id, description: mutation.description, guarantee, mutation }
  })
  return [...ofProvers, ...ofSystem]
}

/**
 * Tries one mutant in an environment of its own. Its evidence never reaches the ledger: it is about a broken system.
 * A proof that came to no judgement, or ended in an error, tells nothing of the prover's sight, so that it is tried once more; a second one counts as
 * not seen, and the other mutants are tried all the same.
 * @throws the reason of `signal` once it is aborted
 */
export async function tryMutant(mutant: Mutant, options: MutantOptions, facts: RunFacts): Promise<MutantResult> {
  const first = await tryOnce(mutant, options, facts)
  if (first.evidence.verdict !== 'inconclusive') return first
  options.log(`${mutant.id} once more, since the proof came to no judgement: ${first.evidence.reason}`)
  return tryOnce(mutant, options, facts)
}

async function tryOnce(mutant: Mutant, options: MutantOptions, facts: RunFacts): Promise<MutantResult> {
  const startedAt = options.clock.now()
  const finding = await firstFinding(mutant, options).catch((error: unknown): Finding => {
    options.signal.throwIfAborted()
    return {
      guarantee: mutant.guarantee,
      outcome: 'inconclusive',
      steps: [],
      reason: `The prover ended without a judgement: ${messageOf(error)}`,
      remedy: 'Let the prover tell what it met as a finding',
      startedAt,
      tookMs: options.clock.now() - startedAt,
    }
  })
  const evidence = conclude(finding, 'self-test', facts)
  const says = 'says' in mutant ? mutant.says : undefined
  return {
    mutant,
    evidence,
    seen: evidence.verdict === 'refuted' && (says === undefined || says.test(evidence.reason)),
  }
}

async function firstFinding(mutant: Mutant, options: MutantOptions): Promise<Finding> {
  const { session, close } = await openSession({
    ...options,
    effort: 'fast',
    ...('fault' in mutant ? { faults: [mutant.fault] } : { mutation: mutant.mutation }),
  })
  try {
    const prover = proverOf(mutant.guarantee, options.system)
    if (!prover) throw new Error(`nothing proves ${mutant.guarantee.id}`)
    for await (const finding of prover.prove([mutant.guarantee], session)) return finding
    throw new Error(`the prover said nothing of ${mutant.guarantee.id}`)
  } finally {
    await close()
  }
}
