import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { Plan } from '../../plan/plan.ts'
import { oncePerSession } from '../once.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { simulatedDays } from './schedule.ts'
import { simulateRetention } from './simulate.ts'

/** Whether backups of the database are kept for their time and then removed. */
export const retentionProver: Prover = {
  kind: 'retention',
  needsExercise: false,
  isLong: () => true,
  accepts: (guarantee, { plan }) => {
    const backup = plan.recovery.backups[guarantee.subject]
    return guarantee.id.endsWith('/kept') && backup?.of === 'database' && backup.type !== 'replica'
  },
  async *prove(guarantees, session) {
    for (const guarantee of guarantees) yield await judge(guarantee, session)
  },
  mutants: [
    {
      id: 'retention-day-early',
      fault: 'retention-day-early',
      description: 'Backups are removed a day before their time',
      breaks: firstByAge,
    },
    {
      id: 'retention-only-backup',
      fault: 'retention-only-backup',
      description: 'Age alone decides, and the only backup an objective has is removed',
      breaks: firstScheduled,
    },
    {
      id: 'retention-hold-forgotten',
      fault: 'retention-hold-forgotten',
      description: 'A held backup is removed when its time is over',
      breaks: firstScheduled,
    },
  ],
}

/** The rule an objective rests on: the first that is not the log. */
function firstScheduled(guarantees: readonly Guarantee[]): Guarantee | undefined {
  return guarantees.find(({ id }) => /^retention\/(hourly|daily)\/kept$/.test(id))
}

const dayMs = 86_400_000

/** The first of them that nothing but its age keeps on its last day: what the window of moments still needs stays whatever age says. */
function firstByAge(guarantees: readonly Guarantee[], plan: Plan): Guarantee | undefined {
  const windowMs = plan.recovery.pointInTime?.window ?? 0
  const first = firstScheduled(guarantees)
  const keep = first && plan.recovery.backups[first.subject]?.keep
  return typeof keep === 'number' && keep - dayMs <= windowMs ? undefined : first
}

const simulated = oncePerSession((session) =>
  session.steps('retention').do(
    `${simulatedDays} days of the plan's calendar over a real store`,
    () => simulateRetention(session),
    ({ prunes, moments }) => `${prunes} removals, ${moments} moments of the window looked up`,
  ),
)

async function judge(guarantee: Guarantee, session: ProofSession): Promise<Finding> {
  const { clock } = session
  const startedAt = clock.now()
  const isWal = session.system.plan.recovery.backups[guarantee.subject]?.type === 'wal'
  try {
    const { rules } = await simulated(session)
    const { taken, violations } = rules.get(isWal ? '' : guarantee.subject) ?? { taken: 0, violations: [] }
    const what = isWal ? 'WAL segments' : 'backups'
    return {
      guarantee,
      outcome: 'measured',
      measured: violations.length,
      sample: { size: taken, of: `${what} over ${simulatedDays} simulated days` },
      scale: null,
      steps: session.steps('retention').done(),
      reason:
        violations.length === 0
          ? `All ${taken} ${what} were kept for their time and gone within a day of it, those that are needed longer excepted`
          : violations.slice(0, 3).join('; '),
      remedy: 'Run `aval backup prune --dry-run`: it says of every backup what keeps it or lets it go',
      startedAt,
      tookMs: clock.now() - startedAt,
    }
  } catch (error) {
    session.signal.throwIfAborted()
    return {
      guarantee,
      outcome: 'inconclusive',
      steps: session.steps('retention').done(),
      reason: `The simulation could not run: ${messageOf(error)}`,
      remedy: 'Look at the room and the rights of the scratch folder, and prove again',
      startedAt,
      tookMs: clock.now() - startedAt,
    }
  }
}
