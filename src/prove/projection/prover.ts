import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import { readableMs } from '../../plan/readable-duration.ts'
import { formatBytes } from '../../plan/units.ts'
import { fewestSizes, fitRtoCurve, projectRestore } from '../../recovery/restore/rto-curve.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { crawlMsPerByte, timeRestores } from './measure.ts'

const suffix = '/projected-time'

/** Sizes the database is restored at, in bytes; a drill never has the size that is declared, so that the way there is measured. */
const sizes = { full: [64e6, 160e6, 320e6], fast: [40e6, 56e6, 72e6] } as const

/** Whether a restore of the size that is declared would keep its time, by a line through restores of smaller ones. */
export const projectionProver: Prover = {
  kind: 'recovery',
  needsExercise: false,
  isLong: () => true,
  accepts: ({ id }) => id.endsWith(suffix),
  async *prove(guarantees, session) {
    const startedAt = session.clock.now()
    try {
      const restores = await timeRestores(session, sizes[session.effort.name])
      for (const guarantee of guarantees) yield judge(guarantee, restores, session, startedAt)
    } catch (error) {
      session.signal.throwIfAborted()
      for (const guarantee of guarantees) {
        yield {
          guarantee,
          outcome: 'failed',
          steps: session.steps('recovery/projection').done(),
          reason: `A restore could not be done: ${messageOf(error)}`,
          remedy: 'Read the last step',
          startedAt,
          tookMs: session.clock.now() - startedAt,
        }
      }
    }
  },
  mutants: [
    {
      id: 'restore-crawls',
      fault: 'restore-crawls',
      description: 'A restore takes half a second longer for every megabyte',
      // Where the declared size is small and much time is allowed, not even such a restore is too slow.
      breaks: (guarantees, { database }) =>
        guarantees.find(
          ({ id, target }) =>
            id === `recovery/database${suffix}` &&
            target.op !== 'holds' &&
            (database?.size ?? 0) * crawlMsPerByte > target.value,
        ),
      says: /projected/,
    },
  ],
}

function judge(
  guarantee: Guarantee,
  restores: Awaited<ReturnType<typeof timeRestores>>,
  session: ProofSession,
  startedAt: number,
): Finding {
  const { clock, system } = session
  const curve = fitRtoCurve(restores)
  const declaredBytes = system.plan.database?.size
  const common = {
    guarantee,
    steps: session.steps('recovery/projection').done(),
    startedAt,
    tookMs: clock.now() - startedAt,
  }
  if (curve === undefined || declaredBytes === undefined) {
    const reason = `Fewer than ${fewestSizes} sizes could be told apart`
    return { ...common, outcome: 'inconclusive', reason, remedy: 'Run the proof again without --fast' }
  }
  const { ms, beyond } = projectRestore(curve, declaredBytes)
  const rate = `${readableMs(curve.fixedMs)} and ${readableMs(curve.msPerByte * 1e9)} a GB`
  return {
    ...common,
    outcome: 'measured',
    measured: ms,
    sample: { size: curve.samples, of: `restores of ${curve.sizes} sizes` },
    scale: { measuredBytes: curve.largestBytes, declaredBytes },
    reason: `${formatBytes(declaredBytes)} projected from ${rate}, ${Math.round(beyond)} times beyond the largest size; the line misses what was measured by ${readableMs(curve.residualMs)}`,
    remedy: 'Give the restore a faster disk or store, or declare the time that it takes',
  }
}
