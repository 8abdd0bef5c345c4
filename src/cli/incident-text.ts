import { timestamp } from '../clock.ts'
import type { Plan } from '../plan/plan.ts'
import type { Incident } from '../watch/incidents/incident.ts'
import { type SeverityClock, severityClock } from '../watch/incidents/severity-clock.ts'

/** An incident as commands tell of it; times are RFC 3339, null where there is none. */
export interface ListedIncident {
  system: string
  number: number
  severity: string
  title: string
  openedAt: string
  /** `alert`, or a role. */
  openedBy: string
  runbook: string | null
  /** Names of its alerts, each once. */
  alerts: string[]
  answer: SeverityClock['answer']
  answerBy: string | null
  acknowledgedAt: string | null
  closedAt: string | null
  reviewBy: string | null
}

/** @param nowMs what its clock is read at. */
export function listed(plan: Plan, incident: Incident, nowMs: number): ListedIncident {
  const { answer, answerByMs, reviewByMs } = severityClock(plan, incident, nowMs)
  const moment = (atMs: number | undefined) => (atMs === undefined ? null : timestamp(atMs))
  return {
    system: plan.system,
    number: incident.number,
    severity: incident.severity,
    title: incident.title,
    openedAt: timestamp(incident.openedMs),
    openedBy: incident.openedBy,
    runbook: incident.runbook ?? null,
    alerts: [...new Set(incident.alerts.map(({ alert }) => alert))],
    answer,
    answerBy: moment(answerByMs),
    acknowledgedAt: moment(incident.acknowledged?.atMs),
    closedAt: moment(incident.closed?.atMs),
    reviewBy: moment(reviewByMs),
  }
}

/** Where it stands, in few words: `open, overdue`, `taken, in time`, `closed`. */
export function stateOf({ closedAt, acknowledgedAt, answer }: ListedIncident): string {
  if (closedAt !== null) return 'closed'
  const taken = acknowledgedAt === null ? 'open' : 'taken'
  return answer === 'no time given' ? taken : `${taken}, ${answer}`
}
