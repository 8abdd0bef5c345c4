import { AvalError, messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { System } from '../../project/project.ts'
import { restoreWindow } from '../../recovery/restore-point.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { measureLoss, measurePrecision } from '../read-back.ts'
import { readableMs } from '../report/figures.ts'
import { type Drill, recoverFromLoss, restoreToMoment } from './drill.ts'

/** Recovery of the database, done and timed: to the latest point, and to a moment. */
export const recoveryProver: Prover = {
  kind: 'recovery',
  accepts: (guarantee, system) => roleOf(guarantee, system) !== undefined,
  async *prove(guarantees, session) {
    const startedAt = session.clock.now()
    const inRole = (...roles: Role[]) =>
      guarantees.filter((guarantee) => roles.some((role) => role === roleOf(guarantee, session.system)))
    let drill: Drill
    try {
      drill = await recoverFromLoss(session)
    } catch (error) {
      session.signal.throwIfAborted()
      // A recovery that could not be done is not "could not be judged": the promise is that it can be done.
      for (const guarantee of guarantees) yield failed(guarantee, error, session, 'recovery', startedAt)
      return
    }
    for (const guarantee of inRole('time')) yield judgeTime(guarantee, drill, session)
    for (const guarantee of inRole('loss')) yield judgeLoss(guarantee, drill, session)
    const precise = inRole('precision')
    if (precise.length === 0) return
    const began = session.clock.now()
    try {
      const late = session.faults.has('restore-too-late') ? (await latestMoment(drill)) - drill.moment : 0
      const found = await restoreToMoment(session, drill.moment + late)
      for (const guarantee of precise) yield judgePrecision(guarantee, drill, found, session, began)
    } catch (error) {
      session.signal.throwIfAborted()
      for (const guarantee of precise) yield failed(guarantee, error, session, 'recovery/point-in-time', began)
    }
  },
  mutants: [
    {
      id: 'wal-segment-removed',
      fault: 'wal-segment-removed',
      description: 'A WAL segment after the backup is missing from the store',
      breaks: (guarantees) => guarantees.find((guarantee) => guarantee.id === 'recovery/database/loss'),
    },
    {
      id: 'byte-flipped',
      fault: 'byte-flipped',
      description: 'One byte of the backup is flipped before it is restored',
      breaks: (guarantees) => guarantees.find((guarantee) => guarantee.id === 'recovery/database/time'),
    },
    {
      id: 'restore-too-late',
      fault: 'restore-too-late',
      description: 'The restore runs on past the moment asked for',
      breaks: (guarantees) => guarantees.find((guarantee) => guarantee.id === 'recovery/point-in-time/precision'),
    },
  ],
}

type Role = 'time' | 'loss' | 'precision'

/** Which measurement of the drill answers a guarantee; undefined when none does and it stays unproven. */
function roleOf(guarantee: Guarantee, system: System): Role | undefined {
  const [section, group, name, bound] = guarantee.path
  if (section !== 'recovery') return undefined
  if (group === 'pointInTime') return 'precision'
  if (group !== 'objectives' || system.plan.recovery.objectives[String(name)]?.covers !== 'database') return undefined
  return bound === 'rto' ? 'time' : bound === 'rpo' ? 'loss' : undefined
}

const remedy = 'Read which step failed; `aval backup verify` tells whether the store is sound'

function judgeTime(guarantee: Guarantee, drill: Drill, session: ProofSession): Finding {
  const downMs = (drill.servedAt ?? Number.POSITIVE_INFINITY) - drill.lastBefore
  return {
    ...measuredBy(guarantee, drill, session),
    measured: downMs,
    sample: { size: drill.servedAt === undefined ? 0 : 1, of: 'loss of the server and its data, under load' },
    reason: `${readableMs(downMs)} between the last answer before the fault and the first after it`,
    ...(drill.servedAt === undefined ? { broken: 'The restored system never answered' } : {}),
  }
}

function judgeLoss(guarantee: Guarantee, drill: Drill, session: ProofSession): Finding {
  const loss = measureLoss(drill.restored, drill.faultAt)
  const gone = drill.restored.lost.length + drill.restored.altered.length
  const writes = drill.restored.kept.length + gone
  const unhealed = drill.settled.lost.length + drill.settled.altered.length
  const broken =
    loss.holes > 0
      ? `${loss.holes} acknowledged writes are gone or altered although later ones are there`
      : drill.unsettled !== undefined
        ? `Clients could not synchronise after the restore: ${drill.unsettled}`
        : unhealed > 0
          ? `${unhealed} acknowledged writes were still missing after every client had synchronised`
          : undefined
  return {
    ...measuredBy(guarantee, drill, session),
    measured: loss.ms,
    sample: { size: writes, of: 'acknowledged writes' },
    reason:
      gone === 0
        ? `All ${writes} acknowledged writes were there`
        : `${gone} of ${writes} acknowledged writes were lost, the oldest ${readableMs(loss.ms)} before the fault; clients brought them back`,
    broken,
  }
}

function judgePrecision(
  guarantee: Guarantee,
  drill: Drill,
  { found, steps }: Awaited<ReturnType<typeof restoreToMoment>>,
  session: ProofSession,
  startedAt: number,
): Finding {
  const measured = measurePrecision(found, drill.moment)
  const all = [...found.kept, ...found.lost, ...found.altered]
  const before = all.filter((ack) => ack.acknowledgedAt <= drill.moment).length
  const after = all.filter((ack) => ack.sentAt > drill.moment).length
  return {
    guarantee,
    outcome: 'measured',
    measured,
    // A moment with writes on one side only tells nothing of the other.
    sample: {
      size: before === 0 || after === 0 ? 0 : all.length,
      of: `acknowledged writes, ${before} before and ${after} after the moment`,
    },
    scale: scaleOf(session, drill.bytes),
    steps,
    reason:
      measured === 0
        ? 'Every acknowledged write stands on its side of the moment'
        : `A write ${readableMs(measured)} from the moment stands on the wrong side`,
    remedy,
    startedAt,
    tookMs: session.clock.now() - startedAt,
  }
}

function measuredBy(guarantee: Guarantee, drill: Drill, session: ProofSession) {
  return {
    guarantee,
    outcome: 'measured',
    scale: scaleOf(session, drill.bytes),
    steps: drill.steps.done(),
    remedy,
    startedAt: drill.startedAt,
    tookMs: drill.tookMs,
  } as const
}

function failed(
  guarantee: Guarantee,
  error: unknown,
  session: ProofSession,
  subject: string,
  startedAt: number,
): Finding {
  return {
    guarantee,
    outcome: 'failed',
    steps: session.steps(subject).done(),
    reason: `The recovery could not be done: ${messageOf(error)}`,
    remedy:
      error instanceof AvalError ? error.next : 'Read the last step; AVAL_DEBUG=1 shows what servers and services said',
    startedAt,
    tookMs: session.clock.now() - startedAt,
  }
}

/** The newest moment that the store can restore to, milliseconds since the epoch. */
async function latestMoment({ repository }: Drill): Promise<number> {
  const window = await restoreWindow(repository)
  if (window === undefined) throw new Error('the store can restore to no moment')
  return window.to
}

function scaleOf(
  session: ProofSession,
  measuredBytes: number,
): { measuredBytes: number; declaredBytes: number } | null {
  const declaredBytes = session.system.plan.database?.size
  return declaredBytes === undefined ? null : { measuredBytes, declaredBytes }
}
