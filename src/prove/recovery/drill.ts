import { join } from 'node:path'
import { timestamp } from '../../clock.ts'
import { messageOf } from '../../errors.ts'
import type { EvidenceStep } from '../../ledger/evidence.ts'
import { formatBytes } from '../../plan/units.ts'
import { reachable } from '../../postgres/place.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { finishRestore } from '../../recovery/finish-restore.ts'
import { type RestoreResult, restore } from '../../recovery/restore.ts'
import { oncePerSession } from '../once.ts'
import type { ProofSession } from '../prover.ts'
import { type ReadBack, readBackAll } from '../read-back.ts'
import type { Steps } from '../steps.ts'
import { type Aftermath, loseEverything } from './loss.ts'

/** What the recovery from a full loss came to. Times in milliseconds since the epoch. */
export interface Drill extends Aftermath {
  /** Last success before the fault, and the first of a request sent after it; undefined when nothing was ever answered. */
  lastBefore: number
  servedAt: number | undefined
  /** What the restored system held before any client brought anything back. */
  restored: ReadBack
  /** What it held once real clients had noticed the restore. */
  settled: ReadBack
  /** Why clients could not synchronise after the restore; undefined when all did. */
  unsettled: string | undefined
  tookMs: number
}

/** How long a restored system may take to answer before the drill gives up, milliseconds. */
const patience = 120_000

/**
 * Restores to the latest point in the place of what was lost. A client kept trying all the while, so that the time to serve
 * again is the time people would have waited. Done once a session.
 */
export const recoverFromLoss = oncePerSession(async (session: ProofSession): Promise<Drill> => {
  const { clock, exercise, scratch } = session
  const aftermath = await loseEverything(session)
  const { steps, acks, faultAt, watch } = aftermath
  const environment = await scratch.environment()
  const answered = [...acks, ...watch.acks].map((ack) => ack.acknowledgedAt)
  const lastBefore = Math.max(...answered.filter((at) => at <= faultAt))

  const server = await restoreServer(session, aftermath, steps, {
    at: 'latest',
    folder: 'restored',
    port: aftermath.port,
  })
  await steps.do('services on the restored server', () => environment.replaceServer(server))
  const served = () => watch.acks.find((ack) => ack.sentAt > faultAt)
  await steps.do('first answer', async () => {
    const deadline = clock.now() + patience
    while (served() === undefined && clock.now() < deadline) await clock.sleep(20, session.signal)
  })
  await watch.stop()

  const restored = await steps.do('every acknowledged write asked for', () => readBackAll(exercise, acks), describe)
  const unsettled = await steps
    .do('clients noticed and brought back what they hold', () => exercise.settle(aftermath.actors))
    .then(() => undefined, messageOf)
  const settled = await steps.do(
    'every acknowledged write asked for again',
    () => readBackAll(exercise, acks),
    describe,
  )
  return {
    ...aftermath,
    lastBefore,
    servedAt: served()?.acknowledgedAt,
    restored,
    settled,
    unsettled,
    tookMs: clock.now() - aftermath.startedAt,
  }
})

/**
 * A second restore from the same store, to a moment, on a server of its own. The services are moved to it for the questions
 * and stay there.
 */
export async function restoreToMoment(
  session: ProofSession,
  moment: number,
): Promise<{ found: ReadBack; steps: EvidenceStep[] }> {
  const aftermath = await recoverFromLoss(session)
  const steps = session.steps('recovery/point-in-time')
  const environment = await session.scratch.environment()
  const server = await restoreServer(session, aftermath, steps, { at: moment, folder: 'moment' })
  await steps.do('services on the restored server', () => environment.replaceServer(server))
  const found = await steps.do(
    'every acknowledged write asked for',
    () => readBackAll(session.exercise, aftermath.acks),
    describe,
  )
  return { found, steps: steps.done() }
}

async function restoreServer(
  session: ProofSession,
  { repository }: Aftermath,
  steps: Steps,
  target: { at: 'latest' | number; folder: string; port?: number },
): Promise<OwnedServer> {
  const { clock, scratch, system } = session
  const { binaries, database } = await scratch.environment()
  const dataDirectory = await reachable(join(scratch.directory, target.folder))
  const moment = target.at === 'latest' ? 'the latest point' : timestamp(target.at)
  await steps.do(
    `restored to ${moment}, verified while written`,
    () => restore({ repository, to: dataDirectory, at: target.at, clock }),
    describeRestore,
  )
  return steps.do('recovered, promoted, clients told', () =>
    finishRestore({
      dataDirectory,
      binaries,
      clock,
      afterRestore: system.plan.recovery.afterRestore,
      database: database.name,
      owner: database.owner,
      ...(target.port === undefined ? {} : { port: target.port }),
    }),
  )
}

function describe({ kept, lost, altered }: ReadBack): string {
  return `${kept.length} there, ${lost.length} not, ${altered.length} altered`
}

function describeRestore({ backup, files, bytes, walSegments, endLsn }: RestoreResult): string {
  return `backup ${backup.id}: ${files} files, ${formatBytes(bytes)}, ${walSegments} WAL segments up to ${endLsn}`
}
