import type { Guarantee } from '../../plan/guarantee.ts'
import type { Finding, ProofSession } from '../prover.ts'
import { runCase } from './run-case.ts'

/** Cases that run at once. Each has users of its own, so that none sees another. */
const atOnce = 4

/**
 * Runs the cases that the exercise has for each guarantee, over the wire against the running system.
 * @param promiseOf the promise by which the cases of a guarantee are found
 */
export async function* proveByCases(
  guarantees: readonly Guarantee[],
  session: ProofSession,
  promiseOf: (guarantee: Guarantee) => string,
): AsyncGenerator<Finding> {
  const { clock, exercise, signal } = session
  const all = exercise.behaviours()
  for (const guarantee of guarantees) {
    const startedAt = clock.now()
    const steps = session.steps(guarantee.id)
    const promise = promiseOf(guarantee)
    const cases = all.filter((behaviour) => behaviour.promise === promise)
    if (cases.length === 0) {
      yield {
        guarantee,
        outcome: 'inconclusive',
        steps: [],
        reason: `The exercise has no case for the promise ${promise}`,
        remedy: `Add cases with promise: '${promise}' to the behaviours of the exercise`,
        startedAt,
        tookMs: 0,
      }
      continue
    }
    const environment = await session.scratch.environment()
    const context = { address: environment.address, credentials: exercise.credentials, signal }
    const failed: string[] = []
    const waiting = cases.values()
    const work = async () => {
      for (const behaviour of waiting) {
        await steps.do(
          behaviour.title,
          async () => {
            const result = await runCase(behaviour, context)
            if (!result.passed) failed.push(`${behaviour.id}: ${result.mismatches.join('; ')}`)
            return result
          },
          (result) => (result.passed ? 'as promised' : `not as promised: ${result.mismatches.join('; ')}`),
        )
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    const asked = cases.length === 1 ? 'Its case' : `All ${cases.length} cases`
    yield {
      guarantee,
      outcome: 'measured',
      measured: failed.length,
      sample: { size: cases.length, of: 'cases over the wire' },
      scale: null,
      steps: steps.done(),
      reason: failed[0] ?? `${asked} answered as promised`,
      remedy:
        'Compare the answer named in the steps with the contract; mend the service or, if the promise was wrong, the plan',
      startedAt,
      tookMs: clock.now() - startedAt,
    }
  }
}
