import type { Guarantee } from '../../plan/guarantee.ts'
import type { Behaviour } from '../exercise.ts'
import type { Prover } from '../prover.ts'
import { runCase } from './run-case.ts'

/** Cases that run at once. Each has users of its own, so that none sees another. */
const atOnce = 4

/** Runs the cases of the exercise over the wire against the running system; a promise is the sum of its cases. */
export const behaviourProver: Prover = {
  kind: 'behaviour',
  accepts: (guarantee) => guarantee.path[0] === 'services' && guarantee.path[2] === 'promises',
  async *prove(guarantees, session) {
    const { clock, exercise, signal } = session
    const all = exercise.behaviours()
    for (const guarantee of guarantees) {
      const startedAt = clock.now()
      const steps = session.steps(guarantee.id)
      const cases = casesOf(guarantee, all)
      if (cases.length === 0) {
        yield {
          guarantee,
          outcome: 'inconclusive',
          steps: [],
          reason: `The exercise has no case for the promise ${promiseOf(guarantee)}`,
          remedy: `Add cases with promise: '${promiseOf(guarantee)}' to the behaviours of the exercise`,
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
      yield {
        guarantee,
        outcome: 'measured',
        measured: failed.length,
        sample: { size: cases.length, of: 'cases over the wire' },
        scale: null,
        steps: steps.done(),
        reason: failed.length === 0 ? `All ${cases.length} cases answered as promised` : (failed[0] ?? ''),
        remedy:
          'Compare the answer named in the steps with the contract; mend the service or, if the promise was wrong, the plan',
        startedAt,
        tookMs: clock.now() - startedAt,
      }
    }
  },
  mutants: [],
}

function promiseOf(guarantee: Guarantee): string {
  return guarantee.id.split('/').slice(1).join('/')
}

function casesOf(guarantee: Guarantee, all: readonly Behaviour[]): Behaviour[] {
  return all.filter((behaviour) => behaviour.promise === promiseOf(guarantee))
}
