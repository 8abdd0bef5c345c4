import type { Plan } from '../../plan/plan.ts'
import type { Incident } from './incident.ts'

/** How an incident stands against the times of its severity. */
export interface SeverityClock {
  /** When somebody must have answered, milliseconds since the epoch; undefined where the plan gives no time. */
  answerByMs: number | undefined
  /** `overdue` and `late`: nobody answered, or somebody did, after that moment. A closed incident that nobody acknowledged was answered by its closing. */
  answer: 'no time given' | 'awaited' | 'overdue' | 'in time' | 'late'
  /** When the review must be written: counted from the closing. */
  reviewByMs: number | undefined
}

/** Reads the clock of an incident. */
export function severityClock(plan: Plan, incident: Incident, nowMs: number): SeverityClock {
  const within = plan.incidents.severities[incident.severity]?.respondWithin
  const reviewWithin = plan.incidents.review?.within
  const reviewByMs = incident.closed && reviewWithin !== undefined ? incident.closed.atMs + reviewWithin : undefined
  if (within === undefined) return { answerByMs: undefined, answer: 'no time given', reviewByMs }
  const answerByMs = incident.openedMs + within
  const answeredMs = incident.acknowledged?.atMs ?? incident.closed?.atMs
  const answer =
    answeredMs === undefined
      ? nowMs > answerByMs
        ? ('overdue' as const)
        : ('awaited' as const)
      : answeredMs > answerByMs
        ? ('late' as const)
        : ('in time' as const)
  return { answerByMs, answer, reviewByMs }
}
