import type { LedgerEntry } from '../../ledger/ledger.ts'
import type { ActionRun } from '../actions/runs.ts'
import type { OutboxEntry } from '../notify/outbox.ts'
import type { Happened } from './event.ts'
import type { Incident } from './incident.ts'

/** One line of what happened. */
export interface TimelineLine {
  atMs: number
  /** Where it was recorded. */
  from: 'alert' | 'incident' | 'pager' | 'action' | 'ledger'
  text: string
}

/** What other records know; each may hold more than concerns the incident. */
export interface OtherRecords {
  /** `Pager.told` of the episodes of the incident. */
  told?: readonly OutboxEntry[]
  actions?: readonly ActionRun[]
  ledger?: readonly LedgerEntry[]
}

/** How long before it opened the ledger is told of: what was found then may be its cause. */
const beforeMs = 3_600_000

/**
 * Everything that is known of an incident, oldest first, assembled from the records of those who did it. Messages and actions are told of when they
 * are about its alerts, entries of the ledger when they were written from an hour before it opened until it was closed.
 */
export function timelineOf(incident: Incident, { told = [], actions = [], ledger = [] }: OtherRecords): TimelineLine[] {
  const episodes = new Set(incident.alerts.map(({ episode }) => episode))
  const lastMs = incident.closed?.atMs ?? Number.POSITIVE_INFINITY
  const within = ({ atMs }: TimelineLine) => atMs >= incident.openedMs - beforeMs && atMs <= lastMs
  return [
    ...incident.events.map(lineOf),
    ...incident.alerts.map(({ alert, startedAtMs }) => line(startedAtMs, 'alert', `${alert} began`)),
    ...told.filter(({ message }) => message.alerts.some(({ episode }) => episodes.has(episode))).flatMap(toldLines),
    ...actions.filter(({ episode }) => episodes.has(episode)).flatMap(actionLines),
    ...ledger
      .map(({ at, evidence }) => line(Date.parse(at), 'ledger', `${evidence.guarantee}: ${evidence.verdict}`))
      .filter(within),
  ].sort((a, b) => a.atMs - b.atMs)
}

function line(atMs: number, from: TimelineLine['from'], text: string): TimelineLine {
  return { atMs, from, text }
}

function lineOf({ atMs, event }: Happened): TimelineLine {
  switch (event.kind) {
    case 'opened':
      return line(atMs, 'incident', `opened as ${event.severity} by ${event.by}: ${event.title}`)
    case 'alert':
      return line(atMs, 'incident', `${event.alert} joined`)
    case 'alert-ended':
      return line(event.endedAtMs, 'alert', 'an alert ended')
    case 'acknowledged':
      return line(atMs, 'incident', `acknowledged by ${event.by}`)
    case 'severity':
      return line(atMs, 'incident', `${event.by} made it ${event.severity}`)
    case 'note':
      return line(atMs, 'incident', `${event.by}: ${event.text}`)
    case 'closed':
      return line(atMs, 'incident', `closed by ${event.by}`)
  }
}

function toldLines({
  accepted_ms,
  settled_ms,
  state,
  channel,
  message,
  reason,
  attempts,
}: OutboxEntry): TimelineLine[] {
  const what = message.unansweredMs === undefined ? message.status : `${message.status}, since nobody answered`
  const lines = [line(accepted_ms, 'pager', `${channel} is to be told: ${what}`)]
  if (settled_ms !== null)
    lines.push(line(settled_ms, 'pager', `${channel}: ${state}${attempts > 1 ? ` after ${attempts} attempts` : ''}`))
  else if (reason !== null) lines.push(line(accepted_ms, 'pager', `${channel} was not reached yet: ${reason}`))
  return lines
}

function actionLines({ action, atMs, endedMs, state, reason }: ActionRun): TimelineLine[] {
  if (state === 'by hand') return [line(atMs, 'action', `${action} is left to a person: ${reason ?? ''}`)]
  const begun = state === 'withheld' ? `${action} held back: ${reason ?? ''}` : `${action} began`
  const lines = [line(atMs, 'action', begun)]
  if (endedMs !== undefined && state !== 'withheld') lines.push(line(endedMs, 'action', `${action}: ${state}`))
  return lines
}
