import { proveByCases } from '../behaviour/by-cases.ts'
import type { Prover } from '../prover.ts'

/**
 * Holds limits by cases of the exercise: what is just allowed, and one more. A limit says in the plan that there are some; one that does not
 * stays unproven.
 */
export const limitsProver: Prover = {
  kind: 'limits',
  accepts: ({ subject }, { plan }) => plan.limits[subject]?.cases === true,
  prove: (guarantees, session) => proveByCases(guarantees, session, ({ subject }) => `limits/${subject}`),
  mutants: [],
}
