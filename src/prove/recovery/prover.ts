import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { Plan } from '../../plan/plan.ts'
import { type FaultName, faults } from '../../plan/scenario.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { judgeLoss, judgeOutage, judgePrecision, judgeTime } from './judge.ts'
import { recoveryMutants } from './mutants.ts'
import { carryOutProcedure, type Outcome } from './scenario.ts'
import { readLastStep, ScenarioFailed, ScenarioUnready } from './scenario-error.ts'
import { type Scenario, scenarioFor, scenariosOf } from './scenarios-of.ts'

/** Recovery, done and timed: every procedure of the plan that says what fails and what is done about it. */
export const recoveryProver: Prover = {
  kind: 'recovery',
  accepts: (guarantee, { plan }) => questionOf(guarantee, plan) !== undefined,
  isLong: (guarantee, { plan }) => !everyday.has(questionOf(guarantee, plan)?.scenario.procedure.fault),
  async *prove(guarantees, session) {
    const questions = guarantees.flatMap((guarantee) => {
      const question = questionOf(guarantee, session.system.plan)
      return question === undefined ? [] : [{ guarantee, ...question }]
    })
    const byScenario = [...Map.groupBy(questions, ({ scenario }) => scenario.name).values()].toSorted(
      ([a], [b]) => rankOf(a?.scenario) - rankOf(b?.scenario),
    )
    for (const asked of byScenario) {
      const [first] = asked
      if (first === undefined) continue
      const { name, procedure } = first.scenario
      const startedAt = session.clock.now()
      let outcome: Outcome
      try {
        outcome = await carryOutProcedure(session, name, procedure)
      } catch (error) {
        session.signal.throwIfAborted()
        for (const { guarantee } of asked) yield notDone(guarantee, error, session, name, startedAt)
        continue
      }
      for (const { guarantee, judge } of asked) yield judge(guarantee, outcome, session)
    }
  },
  mutants: recoveryMutants,
}

/** What is tried every day: that the database comes back, and to any moment. The rest is rehearsed by the calendar, or when asked for. */
const everyday: ReadonlySet<FaultName | undefined> = new Set(['server-lost', 'moment-passed'])

type Judge = (guarantee: Guarantee, outcome: Outcome, session: ProofSession) => Finding

/** Which scenario answers a guarantee, and how its outcome is measured; undefined when none does and it stays unproven. */
function questionOf(guarantee: Guarantee, plan: Plan): { scenario: Scenario; judge: Judge } | undefined {
  const [section, group, name, bound] = guarantee.path
  if (section !== 'recovery') return undefined
  if (group === 'pointInTime') return { scenario: scenarioFor(plan, 'moment-passed'), judge: judgePrecision }
  if (group === 'procedures') {
    const scenario = scenariosOf(plan).find((each) => each.name === name)
    return scenario && { scenario, judge: guarantee.id.endsWith('/loss') ? judgeLoss : judgeTime }
  }
  if (group !== 'objectives') return undefined
  const scenario = scenarioOfObjective(plan, plan.recovery.objectives[String(name)]?.covers)
  return scenario && { scenario, judge: bound === 'rto' ? judgeOutage : judgeLoss }
}

/** What fails when an objective is about more than the database. The rest, such as a managed service, no scenario reaches. */
const faultOf: Readonly<Record<string, FaultName>> = {
  primary: 'primary-killed',
  zone: 'primary-killed',
  region: 'region-lost',
  everything: 'all-lost',
}

function scenarioOfObjective(plan: Plan, covers: string | undefined): Scenario | undefined {
  if (covers === 'database') return scenarioFor(plan, 'server-lost')
  const fault = covers === undefined ? undefined : faultOf[covers]
  return scenariosOf(plan).find(({ procedure }) => procedure.fault === fault)
}

/** What takes most comes last, so that what went before had a site to happen to. */
function rankOf(scenario: Scenario | undefined): number {
  const fault: FaultName | undefined = scenario?.procedure.fault
  return fault === undefined ? faults.length : faults.indexOf(fault)
}

function notDone(
  guarantee: Guarantee,
  error: unknown,
  session: ProofSession,
  name: string,
  startedAt: number,
): Finding {
  const steps = [...session.steps('recovery').done(), ...session.steps(`recovery/${name}`).done()]
  const common = { guarantee, steps, startedAt, tookMs: session.clock.now() - startedAt }
  if (error instanceof ScenarioUnready) {
    const remedy = error.next ?? `Prove it by itself: --only ${guarantee.id}`
    return { ...common, outcome: 'inconclusive', reason: messageOf(error), remedy }
  }
  // A recovery that could not be done is not "could not be judged": the promise is that it can be done.
  return {
    ...common,
    outcome: 'failed',
    reason: `The recovery could not be done: ${messageOf(error)}`,
    remedy: (error instanceof ScenarioFailed ? error.next : undefined) ?? readLastStep,
  }
}
