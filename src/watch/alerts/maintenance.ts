import { Cron } from 'croner'
import type { Plan } from '../../plan/plan.ts'

/** A window of the plan in which some alerts are not told. */
export interface MaintenanceWindow {
  name: string
  covers(alert: string): boolean
  /** When the window that a moment lies in ends; undefined outside of one. The end does not belong to it. */
  endsAt(atMs: number): number | undefined
}

/** The maintenance windows of a plan. Each begins by its schedule, read in its time zone. */
export function maintenanceWindows(plan: Plan): MaintenanceWindow[] {
  return Object.entries(plan.incidents.maintenance).map(([name, { schedule, timeZone, lasts, alerts }]) => {
    const cron = new Cron(schedule, { timezone: timeZone, paused: true })
    let beginMs = Number.NaN
    let nextMs = Number.NaN
    return {
      name,
      covers: (alert) => alerts.includes(alert),
      endsAt: (atMs) => {
        // Between a beginning and the next the answer is known: a simulated weekend asks ten thousand times.
        if (!(atMs >= beginMs && atMs < nextMs)) {
          // Croner leaves out the moment it is given, and counts in whole seconds.
          const second = new Date(Math.floor(atMs / 1_000) * 1_000 + 1_000)
          beginMs = cron.previousRuns(1, second)[0]?.getTime() ?? Number.NEGATIVE_INFINITY
          nextMs = cron.nextRun(new Date(Math.floor(atMs / 1_000) * 1_000))?.getTime() ?? Number.POSITIVE_INFINITY
        }
        return atMs < beginMs + lasts ? beginMs + lasts : undefined
      },
    }
  })
}
