import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { Exercise } from '../exercise.ts'
import type { Finding, ProofSession } from '../prover.ts'
import { runCase } from './run-case.ts'

/** Cases that run at once. Each has users of its own, so that none sees another. */
const atOnce = 4

/** What of a session cases need. */
export interface CasesSession extends Pick<ProofSession, 'clock' | 'signal' | 'steps'> {
  exercise: Pick<Exercise, 'behaviours' | 'trials' | 'credentials'>
  scratch: { environment(): Promise<{ address(service: string): string }> }
}

interface Case {
  id: string
  title: string
  /** @returns what was not as promised */
  run(): Promise<string[]>
}

/**
 * Runs the cases that the exercise has for each guarantee against the running system: behaviours over the wire, and trials.
 * @param promiseOf the promise by which the cases of a guarantee are found
 */
export async function* proveByCases(
  guarantees: readonly Guarantee[],
  session: CasesSession,
  promiseOf: (guarantee: Guarantee) => string,
): AsyncGenerator<Finding> {
  const { clock, exercise, signal } = session
  const all = exercise.behaviours()
  const tried = exercise.trials?.() ?? []
  for (const guarantee of guarantees) {
    const startedAt = clock.now()
    const steps = session.steps(guarantee.id)
    const promise = promiseOf(guarantee)
    let untried: string | undefined
    const environment = await session.scratch.environment()
    const behaviours = all.filter((behaviour) => behaviour.promise === promise)
    const trials = tried.filter((trial) => trial.promise === promise)
    const context = { address: environment.address, credentials: exercise.credentials, signal }
    const cases: Case[] = [
      ...behaviours.map((behaviour) => ({
        ...behaviour,
        run: async () => (await runCase(behaviour, context)).mismatches,
      })),
      ...trials.map((trial) => ({
        ...trial,
        run: () =>
          trial.run(signal).catch((error: unknown) => {
            signal.throwIfAborted()
            untried ??= `${trial.id} could not be tried: ${messageOf(error)}`
            return []
          }),
      })),
    ]
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
    const failed: string[] = []
    const waiting = cases.values()
    const work = async () => {
      for (const { id, title, run } of waiting) {
        await steps.do(
          title,
          async () => {
            const wrong = await run()
            if (wrong.length > 0) failed.push(`${id}: ${wrong.join('; ')}`)
            return wrong
          },
          (wrong) => (wrong.length === 0 ? 'as promised' : `not as promised: ${wrong.join('; ')}`),
        )
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    if (untried !== undefined && failed.length === 0) {
      yield {
        guarantee,
        outcome: 'inconclusive',
        steps: steps.done(),
        reason: untried,
        remedy: 'Mend what the trial stumbled over; until then it says nothing about the promise',
        startedAt,
        tookMs: clock.now() - startedAt,
      }
      continue
    }
    const asked = cases.length === 1 ? 'Its case' : `All ${cases.length} cases`
    yield {
      guarantee,
      outcome: 'measured',
      measured: failed.length,
      sample: { size: cases.length, of: trials.length === 0 ? 'cases over the wire' : 'cases' },
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
