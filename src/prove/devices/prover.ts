import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { Effort, Finding, ProofSession, Prover } from '../prover.ts'
import { type DayOutcome, type DaySize, liveThroughDay } from './day.ts'

/** The guarantee that a day of devices is evidence of. */
export const devicesGuarantee = 'recovery/devices/identical-states'

const fastSize: DaySize = { devices: 8, hours: 4 }

/** Devices with failing networks live through a day and a restore, and must end in identical states. */
export const devicesProver: Prover = {
  kind: 'recovery',
  isLong: () => true,
  accepts: ({ id }) => id === devicesGuarantee,
  async *prove(guarantees, session) {
    const promised = session.system.plan.recovery.devices
    for (const guarantee of guarantees) {
      const { count, over } = promised ?? { count: fastSize.devices, over: fastSize.hours * 3_600_000 }
      const size = session.effort.name === 'fast' ? fastSize : { devices: count, hours: over / 3_600_000 }
      yield (await proveDay(guarantee, session, size)).finding
    }
  },
  mutants: [
    {
      id: 'epoch-not-raised',
      fault: 'restore-left-unfinished',
      description: 'What the plan wants run after a restore is not run: nobody is told that the server was set back',
      breaks: (guarantees) => guarantees.find(({ id }) => id === devicesGuarantee),
      says: /does not believe|missing|shows|settled|went back/,
    },
  ],
}

/** How much a day of a size is of what the plan promises: one with fewer devices or fewer hours does not prove it as a whole. */
export function effortOf(size: DaySize, promised: { count: number; over: number }): Effort['name'] {
  return size.devices >= promised.count && size.hours >= promised.over / 3_600_000 ? 'full' : 'fast'
}

/** A day of a size, and what is to be said of it. */
export async function proveDay(
  guarantee: Guarantee,
  session: ProofSession,
  size: DaySize,
): Promise<{ finding: Finding; outcome: DayOutcome | undefined }> {
  const { clock } = session
  const startedAt = clock.now()
  const steps = session.steps(guarantee.id.replace(/\/[^/]+$/, ''))
  const common = () => ({ guarantee, steps: steps.done(), startedAt, tookMs: clock.now() - startedAt })
  if (session.exercise.fleet === undefined) {
    const reason = "The system's exercise has no fleet of devices"
    const remedy = 'Write one as docs/exercise.md shows'
    return { finding: { ...common(), outcome: 'inconclusive', reason, remedy }, outcome: undefined }
  }
  try {
    const outcome = await liveThroughDay(session, size, steps)
    return {
      finding: {
        ...common(),
        outcome: 'measured',
        measured: outcome.violations.length,
        sample: { size: outcome.edits, of: `edits on ${size.devices} devices of ${outcome.people} people` },
        scale: null,
        reason: outcome.violations.length === 0 ? summary(outcome) : outcome.violations.slice(0, 3).join('; '),
        remedy: `Repeat with --seed ${session.seed}, and read what happened to the person named`,
      },
      outcome,
    }
  } catch (error) {
    session.signal.throwIfAborted()
    const reason = `The day could not be lived through: ${messageOf(error)}`
    const remedy = `Repeat with --seed ${session.seed} and read the step that failed`
    return { finding: { ...common(), outcome: 'inconclusive', reason, remedy }, outcome: undefined }
  }
}

function summary(outcome: DayOutcome): string {
  const { size, people, edits, requests, faults, lostByRestore, excused, reinstalled } = outcome
  return [
    `${size.devices} devices of ${people} people ended ${size.hours} simulated hours in identical states`,
    `${edits} edits, ${requests} requests, ${faults} network faults`,
    `the restore lost ${lostByRestore} acknowledged edits, which came back; ${excused} edits were on ${reinstalled} devices that were lost, and nowhere else`,
  ].join('; ')
}
