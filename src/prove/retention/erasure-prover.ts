import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { readLastStep, ScenarioUnready } from '../recovery/scenario-error.ts'
import { NobodyToErase, tryErasure } from './erasure.ts'

/** Whether somebody who was erased stays so when an earlier moment is restored. */
export const erasureProver: Prover = {
  kind: 'retention',
  isLong: () => true,
  accepts: (guarantee, { plan }) => erasureOf(guarantee, plan) !== undefined,
  async *prove(guarantees, session) {
    for (const guarantee of guarantees) yield await judge(guarantee, session)
  },
  mutants: [
    {
      id: 'erasure-not-repeated',
      fault: 'erasure-not-repeated',
      description: 'The record of an erasure is lost before a restore',
      breaks: (guarantees) => guarantees.find(({ id }) => /^retention\/erasure:[^/]+\/stays-erased$/.test(id)),
      says: /brought/,
    },
  ],
}

function erasureOf({ id, path }: Guarantee, { recovery }: Plan) {
  const [section, group, name] = path
  if (section !== 'recovery' || group !== 'erasures' || !id.endsWith('/stays-erased')) return undefined
  const rule = recovery.erasures[String(name)]
  return rule && { name: String(name), rule }
}

async function judge(guarantee: Guarantee, session: ProofSession): Promise<Finding> {
  const { clock } = session
  const startedAt = clock.now()
  const common = () => ({
    guarantee,
    steps: [...session.steps('recovery').done(), ...session.steps(guarantee.id.replace(/\/[^/]+$/, '')).done()],
    startedAt,
    tookMs: clock.now() - startedAt,
  })
  try {
    const asked = erasureOf(guarantee, session.system.plan)
    if (!asked) throw new Error('the plan no longer holds the erasure')
    const { violations, rows, others } = await tryErasure(session, asked.name, asked.rule)
    return {
      ...common(),
      outcome: 'measured',
      measured: violations.length,
      sample: { size: rows, of: `rows of one ${asked.name}, erased and restored to before` },
      scale: null,
      reason:
        violations.length === 0
          ? `All ${rows} rows were erased, stayed so in a restore to the moment before, and those of ${others} others were as they had been`
          : violations.slice(0, 3).join('; '),
      remedy: 'Look at the statements of recovery.erasures, and whether the repository still holds erasures/',
    }
  } catch (error) {
    session.signal.throwIfAborted()
    const unready = error instanceof ScenarioUnready || error instanceof NobodyToErase
    return {
      ...common(),
      outcome: unready ? 'inconclusive' : 'failed',
      reason: unready ? messageOf(error) : `The erasure could not be carried through: ${messageOf(error)}`,
      remedy: unready
        ? 'Name the subject in recovery.subjects, let the exercise bring several, and prove it by itself'
        : readLastStep,
    }
  }
}
