import { AvalError, messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { System } from '../../project/project.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { measureLoss, measurePrecision } from '../read-back.ts'
import { readableMs } from '../report/figures.ts'
import { type Drill, recoverFromLoss, restoreToMoment } from './drill.ts'

/** Acknowledgements of concurrent writes may arrive out of commit order by about this much, milliseconds. */
const tolerance = 1_000

/** Recovery of the database, done and timed: to the latest point, and to a moment. */
export const recoveryProver: Prover = {
  kind: 'recovery',
  accepts: (guarantee, system) => roleOf(guarantee, system) !== undefined,
  async *prove(guarantees, session) {
    const startedAt = session.clock.now()
    try {
      const drill = await recoverFromLoss(session)
      for (const guarantee of guarantees) {
        const role = roleOf(guarantee, session.system)
        if (role === 'time' || role === 'loss') yield judge(guarantee, role, drill, session)
      }
      const precise = guarantees.filter((guarantee) => roleOf(guarantee, session.system) === 'precision')
      if (precise.length > 0) {
        const began = session.clock.now()
        const moment = drill.moment
        const { found, steps } = await restoreToMoment(
          session,
          session.faults.has('restore-too-late') ? moment + 0.8 * (drill.faultAt - moment) : moment,
        )
        const measured = measurePrecision(found, moment)
        const sides = [...found.kept, ...found.lost, ...found.altered]
        const before = sides.filter((ack) => ack.acknowledgedAt <= moment).length
        const after = sides.filter((ack) => ack.sentAt > moment).length
        for (const guarantee of precise) {
          yield {
            guarantee,
            outcome: 'measured',
            measured,
            steps,
            startedAt: began,
            tookMs: session.clock.now() - began,
            // A moment with writes on one side only tells nothing of the other.
            sample: {
              size: before === 0 || after === 0 ? 0 : sides.length,
              of: `acknowledged writes, ${before} before and ${after} after the moment`,
            },
            scale: scaleOf(session, drill.bytes),
            reason:
              measured === 0
                ? 'Every acknowledged write stands on its side of the moment'
                : `A write ${readableMs(measured)} from the moment stands on the wrong side`,
            remedy: 'Read which step failed; `aval backup verify` tells whether the store is sound',
          }
        }
      }
    } catch (error) {
      // A recovery that could not be done is not "could not be judged": the promise is that it can be done.
      for (const guarantee of guarantees) yield failed(guarantee, error, session, startedAt)
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

function judge(guarantee: Guarantee, role: 'time' | 'loss', drill: Drill, session: ProofSession): Finding {
  const common = {
    guarantee,
    outcome: 'measured' as const,
    scale: scaleOf(session, drill.bytes),
    steps: drill.steps.done(),
    startedAt: drill.startedAt,
    tookMs: drill.tookMs,
    remedy: 'Read which step failed; `aval backup verify` tells whether the store is sound',
  }
  if (role === 'time') {
    const downMs = (drill.servedAt ?? Number.POSITIVE_INFINITY) - drill.lastBefore
    return {
      ...common,
      measured: downMs,
      sample: { size: drill.servedAt === undefined ? 0 : 1, of: 'loss of the server and its data, under load' },
      reason: `${readableMs(downMs)} between the last answer before the fault and the first after it`,
      ...(drill.servedAt === undefined ? { broken: 'The restored system never answered' } : {}),
    }
  }
  const loss = measureLoss(drill.restored, drill.faultAt, tolerance)
  const writes = drill.restored.kept.length + drill.restored.lost.length + drill.restored.altered.length
  const unhealed = drill.settled.lost.length + drill.settled.altered.length
  const broken =
    loss.holes > 0
      ? `${loss.holes} acknowledged writes are gone or altered although later ones are there`
      : unhealed > 0
        ? `${unhealed} acknowledged writes were still missing after every client had synchronised`
        : undefined
  return {
    ...common,
    measured: loss.ms,
    sample: { size: writes, of: 'acknowledged writes' },
    reason:
      drill.restored.lost.length === 0
        ? `All ${writes} acknowledged writes were there`
        : `${drill.restored.lost.length} of ${writes} acknowledged writes were lost, the oldest ${readableMs(loss.ms)} before the fault; clients brought them back`,
    broken,
  }
}

function failed(guarantee: Guarantee, error: unknown, session: ProofSession, startedAt: number): Finding {
  const reason = messageOf(error)
  return {
    guarantee,
    outcome: 'measured',
    measured: Number.MAX_SAFE_INTEGER,
    sample: { size: 1, of: 'attempt' },
    scale: null,
    steps: session.steps(guarantee.id).done(),
    reason,
    broken: `The recovery could not be done: ${reason}`,
    remedy: error instanceof AvalError ? error.next : 'Run again with AVAL_DEBUG=1 and read .aval/debug.log',
    startedAt,
    tookMs: session.clock.now() - startedAt,
  }
}

function scaleOf(
  session: ProofSession,
  measuredBytes: number,
): { measuredBytes: number; declaredBytes: number } | null {
  const declaredBytes = session.system.plan.database?.size
  return declaredBytes === undefined ? null : { measuredBytes, declaredBytes }
}
