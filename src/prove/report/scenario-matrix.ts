import type { Verdict } from '../../ledger/evidence.ts'
import type { Plan } from '../../plan/plan.ts'
import type { FaultName } from '../../plan/scenario.ts'
import { formatMeasured, formatScale } from './figures.ts'
import type { Proof } from './proof.ts'

/** What is known of one fault: by which scenario it was tried, and what came of each promise. */
export interface MatrixRow {
  fault: FaultName
  scenario: string
  /** Steps that a proof carries out, and those left to a person. */
  steps: { carriedOut: number; left: number }
  outcomes: readonly { guarantee: string; verdict: Verdict; measured: string; scale: string; at: string | null }[]
}

/** Every scenario of a plan with the newest outcome of its promises, in the plan's order. */
export function scenarioMatrix(plan: Plan, proofs: readonly Proof[]): MatrixRow[] {
  return Object.entries(plan.recovery.procedures).flatMap(([name, { fault, steps }]) => {
    if (fault === undefined) return []
    const carriedOut = steps.filter(({ action }) => action !== undefined).length
    return [
      {
        fault,
        scenario: name,
        steps: { carriedOut, left: steps.length - carriedOut },
        outcomes: proofs
          .filter(({ guarantee }) => guarantee.id.startsWith(`recovery/procedure:${name}/`))
          .map(({ guarantee, verdict, evidence }) => ({
            guarantee: guarantee.id,
            verdict,
            measured: formatMeasured(evidence),
            scale: formatScale(evidence),
            at: evidence?.startedAt ?? null,
          })),
      },
    ]
  })
}
