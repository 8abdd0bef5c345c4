import { isBounded, type Verdict } from '../ledger/evidence.ts'
import { openLedger } from '../ledger/ledger.ts'
import { standing, verdictOf } from '../ledger/verdict.ts'
import { deriveGuarantees } from '../plan/derive.ts'
import type { Guarantee } from '../plan/guarantee.ts'
import type { Project, System } from '../project/project.ts'
import { isSelected, proverOf } from '../prove/provers.ts'
import { readSubjects } from '../prove/subject.ts'
import type { CommandContext } from './command.ts'
import { serverVersionOf } from './server-version.ts'

/** A promise of a plan with what is known of it now. */
export interface JudgedGuarantee extends Guarantee {
  verdict: Verdict
  /** Whether the verdict rests on a bounded run only, as those of `prove --fast`. */
  bounded: boolean
  /** Whether `aval prove` carries it out; `thorough`: only with --thorough or by its name, for it takes long. */
  prover: 'daily' | 'thorough' | 'none'
}

function proverFor(guarantee: Guarantee, system: System): JudgedGuarantee['prover'] {
  if (proverOf(guarantee, system) === undefined) return 'none'
  return isSelected(guarantee, system, { only: [], thorough: false }) ? 'daily' : 'thorough'
}

/** Every guarantee of a system with its verdict, read from the ledger and from nowhere else. */
export async function currentVerdicts(
  project: Project,
  system: System,
  context: Pick<CommandContext, 'clock'>,
): Promise<JudgedGuarantee[]> {
  const guarantees = deriveGuarantees(system.plan)
  const ledger = openLedger(project.state, context.clock)
  try {
    const latest = ledger.latest(system.name)
    // What a verdict depends on is read only when there is one: it takes the version of the server and all sources.
    const subjectOf = latest.size > 0 ? await readSubjects(system, await serverVersionOf(system)) : undefined
    return guarantees.map((guarantee) => {
      const subject = subjectOf?.(guarantee)
      const now = context.clock.now()
      const evidence = standing(guarantee, latest.get(guarantee.id), subject, now)
      return {
        ...guarantee,
        verdict: verdictOf(guarantee, evidence, subject, now),
        bounded: evidence !== undefined && isBounded(evidence),
        prover: proverFor(guarantee, system),
      }
    })
  } finally {
    ledger.close()
  }
}
