import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import type { Plan } from '../../plan/plan.ts'
import { whileLocked } from '../../synced-file.ts'
import type { AlertInstance } from '../alerts/notice.ts'
import { heartbeatName } from '../alerts/rule.ts'
import { permittedAlert } from '../notify/allow-list.ts'
import { episodeOf } from '../notify/message.ts'
import type { IncidentEvent } from './event.ts'
import type { Incident } from './incident.ts'
import { append, nextNumber, openIncidentFile, readIncidents } from './storage.ts'

/** The incidents of a system. What it accepted is on the disk when a function returns. */
export interface Incidents {
  /**
   * Takes an alert as evaluation tells of it, as often as it likes. One that fires joins the open incident of its rule or opens one, when a severity of the
   * plan names its own; one that ended is noted. An incident stays open until somebody closes it.
   *
   * @returns the incident it belongs to, if any.
   */
  noticed(alert: AlertInstance): Incident | undefined
  /** Opens one by hand. @throws INCIDENT_SEVERITY */
  open(incident: { severity: string; title: string; by: string; runbook?: string }): Incident
  /** Somebody has taken it. The first answer counts. @throws INCIDENT_UNKNOWN, INCIDENT_CLOSED */
  acknowledge(number: number, by: string): Incident
  /** @throws INCIDENT_UNKNOWN; notes are taken after the end as well */
  note(number: number, by: string, text: string): Incident
  /** @throws INCIDENT_UNKNOWN, INCIDENT_CLOSED, INCIDENT_SEVERITY */
  changeSeverity(number: number, severity: string, by: string): Incident
  /** @throws INCIDENT_UNKNOWN, INCIDENT_CLOSED */
  close(number: number, by: string): Incident
  /** @throws INCIDENT_UNKNOWN */
  get(number: number): Incident
  /** Every incident, oldest first. */
  all(): Incident[]
  /** Closes the file. */
  end(): void
}

/** @param directory the project's state folder; `incidents.db` is made in it. */
export function openIncidents({ directory, plan, clock }: { directory: string; plan: Plan; clock: Clock }): Incidents {
  const database = openIncidentFile(directory)

  const all = () => readIncidents(database)
  const get = (number: number): Incident => {
    const incidents = all()
    const incident = incidents.find((known) => known.number === number)
    if (incident !== undefined) return incident
    const open = incidents.filter(({ closed }) => closed === undefined).map((known) => known.number)
    throw failure('INCIDENT_UNKNOWN', { incident: number, open: open.join(', ') || 'none' })
  }
  const getOpen = (number: number): Incident => {
    const incident = get(number)
    if (incident.closed !== undefined) throw failure('INCIDENT_CLOSED', { incident: number })
    return incident
  }
  const requireSeverity = (severity: string): void => {
    const known = Object.keys(plan.incidents.severities)
    if (!known.includes(severity)) throw failure('INCIDENT_SEVERITY', { severity, known: known.join(', ') || 'none' })
  }
  const change = (number: number, event: IncidentEvent, from: (number: number) => Incident = getOpen): Incident =>
    whileLocked(database, () => {
      from(number)
      append(database, number, clock.now(), event)
      return get(number)
    })

  const fired = (alert: AlertInstance): Incident | undefined => {
    const episode = episodeOf(alert)
    const incidents = all()
    const known = incidents.find(({ alerts }) => alerts.some((other) => other.episode === episode))
    if (known !== undefined) return known
    const words = permittedAlert(plan, alert)
    // It always fires: that it does is no incident.
    if (words.alert === heartbeatName) return undefined
    const severity = Object.entries(plan.incidents.severities).find(([, { alerts }]) => alerts.includes(words.severity))
    if (severity === undefined) return undefined
    const joins = incidents.find(
      ({ closed, alerts }) => closed === undefined && alerts.some((other) => other.alert === words.alert),
    )
    const number = joins?.number ?? nextNumber(database)
    if (joins === undefined)
      append(database, number, clock.now(), {
        kind: 'opened',
        severity: severity[0],
        title: words.summary,
        by: 'alert',
        ...(words.runbook === undefined ? {} : { runbook: words.runbook.name }),
      })
    const { startedAtMs } = alert
    append(database, number, clock.now(), { kind: 'alert', episode, alert: words.alert, startedAtMs })
    return get(number)
  }

  const ended = (alert: AlertInstance): Incident | undefined => {
    const episode = episodeOf(alert)
    const incident = all().find(({ alerts }) => alerts.some((other) => other.episode === episode))
    const known = incident?.alerts.find((other) => other.episode === episode)
    if (incident === undefined || known?.endedAtMs !== undefined) return incident
    const endedAtMs = alert.endedAtMs ?? clock.now()
    append(database, incident.number, clock.now(), { kind: 'alert-ended', episode, endedAtMs })
    return get(incident.number)
  }

  return {
    noticed: (alert) => whileLocked(database, () => (alert.status === 'firing' ? fired(alert) : ended(alert))),
    open: ({ severity, title, by, runbook }) => {
      requireSeverity(severity)
      return whileLocked(database, () => {
        const number = nextNumber(database)
        const attached = runbook === undefined ? {} : { runbook }
        append(database, number, clock.now(), { kind: 'opened', severity, title, by, ...attached })
        return get(number)
      })
    },
    acknowledge: (number, by) => change(number, { kind: 'acknowledged', by }),
    note: (number, by, text) => change(number, { kind: 'note', by, text }, get),
    changeSeverity: (number, severity, by) => {
      requireSeverity(severity)
      return change(number, { kind: 'severity', severity, by })
    },
    close: (number, by) => change(number, { kind: 'closed', by }),
    get,
    all,
    end: () => database.close(),
  }
}
