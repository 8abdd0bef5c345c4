import { Cron } from 'croner'
import type { Plan } from '../plan/plan.ts'

type Drill = Plan['recovery']['drills'][string]

/** When something comes round, as the plan says it: cron, or a week of certain months. */
export type Calendar = Drill['calendar']

/** Drills of a week begin on its Monday, early: people see on a working day what came of it. */
const hour = 3

/** A calendar with the time zone its hours are meant in. */
export interface Rounds {
  /** The last time at or before `now`, milliseconds since the epoch; undefined when it never came round. */
  latest(now: number): number | undefined
  /** The first time after `now`; undefined when it never comes round again. */
  next(now: number): number | undefined
}

/**
 * The times of a calendar. Where a clock is put forward over a time, it counts as the moment after the gap; where it is put back, the
 * time counts once, the first of the two.
 * @param timeZone IANA name, such as `America/Mexico_City`.
 */
export function roundsOf(calendar: Calendar, timeZone: string): Rounds {
  const cron =
    'schedule' in calendar
      ? new Cron(calendar.schedule, { timezone: timeZone, paused: true })
      : new Cron(mondayOf(calendar), { timezone: timeZone, paused: true, domAndDow: true })
  return {
    // Croner leaves out the moment it is given, and counts in whole seconds.
    latest: (now) => cron.previousRuns(1, new Date(Math.floor(now / 1_000) * 1_000 + 1_000))[0]?.getTime(),
    next: (now) => cron.nextRun(new Date(now))?.getTime(),
  }
}

/** The one Monday among the seven days of the week of a month: the second week is the 8th to the 14th. */
function mondayOf({ months, week }: Extract<Calendar, { week: number }>): string {
  return `0 ${hour} ${(week - 1) * 7 + 1}-${week * 7} ${months.join(',')} 1`
}
