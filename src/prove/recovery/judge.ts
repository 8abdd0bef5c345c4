import type { EvidenceStep } from '../../ledger/evidence.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import { readableMs } from '../../plan/readable-duration.ts'
import { faultMeanings } from '../../plan/scenario.ts'
import type { Finding, ProofSession } from '../prover.ts'
import { measureLoss, measurePrecision, type ReadBack } from '../read-back.ts'
import type { Outcome } from './scenario.ts'

const remedy = 'Read which step failed; `aval backup verify` tells whether the store is sound'

/** How long a procedure took: from the fault to the end of its last step, each step within its own limit. */
export function judgeTime(guarantee: Guarantee, outcome: Outcome, session: ProofSession): Finding {
  const { blow, doneAt, overdue, left, breaches } = outcome
  const broken =
    breaches[0] ?? (overdue.length > 0 ? `A step took longer than it may: ${overdue.join('; ')}` : undefined)
  const byHand = left === 0 ? '' : `; ${left} ${left === 1 ? 'step is' : 'steps are'} left to a person and not counted`
  return {
    ...measuredBy(guarantee, outcome, session),
    measured: doneAt - blow.at,
    sample: { size: 1, of: `recovery under load: ${faultMeanings[outcome.fault]}` },
    reason: `${readableMs(doneAt - blow.at)} from the fault to the end of the last step${outageOf(outcome)}${byHand}`,
    broken,
  }
}

/** How long people would have waited: the last answer before the fault to the first after it. */
export function judgeOutage(guarantee: Guarantee, outcome: Outcome, session: ProofSession): Finding {
  const { lastBefore, servedAt } = outcome
  const downMs = (servedAt ?? Number.POSITIVE_INFINITY) - (lastBefore ?? outcome.blow.at)
  return {
    ...measuredBy(guarantee, outcome, session),
    measured: downMs,
    sample: { size: servedAt === undefined ? 0 : 1, of: `loss under load: ${faultMeanings[outcome.fault]}` },
    reason: `${readableMs(downMs)} between the last answer before the fault and the first after it`,
    broken: servedAt === undefined ? 'The restored system never answered' : undefined,
  }
}

/** What was lost, by what clients had been acknowledged. */
export function judgeLoss(guarantee: Guarantee, outcome: Outcome, session: ProofSession): Finding {
  const { blow, breaches, settled, unsettled } = outcome
  const restored = within(outcome.restored, blow.until)
  const loss = measureLoss(restored, blow.until ?? blow.at)
  const gone = restored.lost.length + restored.altered.length
  const writes = restored.kept.length + gone
  const unhealed = settled === undefined ? 0 : settled.lost.length + settled.altered.length
  const broken =
    breaches[0] ??
    (loss.holes > 0
      ? `${loss.holes} acknowledged writes are gone or altered although later ones are there`
      : unsettled !== undefined
        ? `Clients could not synchronise after the recovery: ${unsettled}`
        : unhealed > 0
          ? `${unhealed} acknowledged writes were still missing after every client had synchronised`
          : undefined)
  return {
    ...measuredBy(guarantee, outcome, session),
    measured: loss.ms,
    sample: { size: writes, of: 'acknowledged writes' },
    reason:
      gone === 0
        ? `All ${writes} acknowledged writes were there`
        : `${gone} of ${writes} acknowledged writes were lost, the oldest ${readableMs(loss.ms)} before the fault${settled === undefined ? '' : '; clients brought them back'}`,
    broken,
  }
}

/** How far the restored moment is from the one that was asked for. */
export function judgePrecision(guarantee: Guarantee, outcome: Outcome, session: ProofSession): Finding {
  const { blow, restored } = outcome
  const moment = blow.moment ?? blow.at
  const measured = measurePrecision(restored, moment)
  const all = [...restored.kept, ...restored.lost, ...restored.altered]
  const before = all.filter((ack) => ack.acknowledgedAt <= moment).length
  const after = all.filter((ack) => ack.sentAt > moment).length
  return {
    ...measuredBy(guarantee, outcome, session),
    measured,
    // A moment with writes on one side only tells nothing of the other.
    sample: {
      size: before === 0 || after === 0 ? 0 : all.length,
      of: `acknowledged writes, ${before} before and ${after} after the moment`,
    },
    reason:
      measured === 0
        ? 'Every acknowledged write stands on its side of the moment'
        : `A write ${readableMs(measured)} from the moment stands on the wrong side`,
  }
}

/** What was acknowledged up to a moment; all of it without one. */
function within({ kept, lost, altered }: ReadBack, until = Number.POSITIVE_INFINITY): ReadBack {
  const before = (acks: ReadBack['kept']) => acks.filter((ack) => ack.acknowledgedAt <= until)
  return { kept: before(kept), lost: before(lost), altered: before(altered) }
}

function outageOf({ lastBefore, servedAt }: Outcome): string {
  if (lastBefore === undefined || servedAt === undefined) return ''
  return `; a client waited ${readableMs(servedAt - lastBefore)} for its next answer`
}

function measuredBy(guarantee: Guarantee, outcome: Outcome, session: ProofSession) {
  const declaredBytes = session.system.plan.database?.size
  const steps: EvidenceStep[] = [
    ...session.steps('recovery').done(),
    ...session.steps(`recovery/${outcome.name}`).done(),
  ]
  return {
    guarantee,
    outcome: 'measured',
    scale: declaredBytes === undefined ? null : { measuredBytes: outcome.bytes, declaredBytes },
    steps,
    remedy,
    startedAt: outcome.startedAt,
    tookMs: outcome.tookMs,
  } as const
}
