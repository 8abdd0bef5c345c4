import type { Happened } from './event.ts'

/** An incident as its events make it. Times are milliseconds since the epoch. */
export interface Incident {
  number: number
  /** A name of `incidents.severities`. */
  severity: string
  title: string
  openedMs: number
  /** `alert`, or a role. */
  openedBy: string
  /** A name of `runbooks`. */
  runbook: string | undefined
  alerts: { episode: string; alert: string; startedAtMs: number; endedAtMs: number | undefined }[]
  /** The first answer. */
  acknowledged: { atMs: number; by: string } | undefined
  closed: { atMs: number; by: string } | undefined
  notes: { atMs: number; by: string; text: string }[]
  /** Everything that happened, oldest first. */
  events: readonly Happened[]
}

/** Makes an incident of its events; undefined when the first is not its opening. */
export function incidentOf(number: number, events: readonly Happened[]): Incident | undefined {
  const [first, ...rest] = events
  if (first?.event.kind !== 'opened') return undefined
  const incident: Incident = {
    number,
    severity: first.event.severity,
    title: first.event.title,
    openedMs: first.atMs,
    openedBy: first.event.by,
    runbook: first.event.runbook,
    alerts: [],
    acknowledged: undefined,
    closed: undefined,
    notes: [],
    events,
  }
  for (const happened of rest) apply(incident, happened)
  return incident
}

/** When the last of its alerts ended; undefined while one fires, or when it has none. */
export function alertsEndedMs({ alerts }: Incident): number | undefined {
  const ends = alerts.map(({ endedAtMs }) => endedAtMs)
  return ends.length === 0 || ends.includes(undefined)
    ? undefined
    : Math.max(...ends.filter((end) => end !== undefined))
}

function apply(incident: Incident, { atMs, event }: Happened): void {
  switch (event.kind) {
    case 'opened':
      return
    case 'alert':
      incident.alerts.push({
        episode: event.episode,
        alert: event.alert,
        startedAtMs: event.startedAtMs,
        endedAtMs: undefined,
      })
      return
    case 'alert-ended':
      for (const alert of incident.alerts) if (alert.episode === event.episode) alert.endedAtMs ??= event.endedAtMs
      return
    case 'acknowledged':
      incident.acknowledged ??= { atMs, by: event.by }
      return
    case 'severity':
      incident.severity = event.severity
      return
    case 'note':
      incident.notes.push({ atMs, by: event.by, text: event.text })
      return
    case 'closed':
      incident.closed ??= { atMs, by: event.by }
  }
}
