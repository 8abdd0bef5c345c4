import { proveByCases } from '../behaviour/by-cases.ts'
import type { Prover } from '../prover.ts'

/** Longer than that no proof of every day waits for one limit. */
const longestWaitMs = 10_000

/**
 * Holds limits by cases of the exercise: what is just allowed, and one more. A limit says in the plan that there are some; one that does not
 * stays unproven.
 */
export const limitsProver: Prover = {
  kind: 'limits',
  accepts: ({ subject }, { plan }) => plan.limits[subject]?.cases === true,
  // Whether something is ended in time shows only once the time has passed.
  isLong: ({ subject }, { plan }) => {
    const limit = plan.limits[subject]
    return limit !== undefined && 'time' in limit && limit.time > longestWaitMs
  },
  prove: (guarantees, session) => proveByCases(guarantees, session, ({ subject }) => `limits/${subject}`),
  mutants: [],
}
