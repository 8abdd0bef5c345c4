import { Cron } from 'croner'
import type { Plan } from '../plan/plan.ts'

type Backup = Plan['recovery']['backups'][string]

/** A backup of the plan with its name. */
export interface NamedBackup {
  name: string
  backup: Backup
}

export function databaseBackups(plan: Plan): NamedBackup[] {
  return Object.entries(plan.recovery.backups)
    .filter(([, backup]) => backup.of === 'database')
    .map(([name, backup]) => ({ name, backup }))
}

/** Whether it keeps the log of every change, from which any moment can be made again. */
export function keepsLog({ backup }: NamedBackup): boolean {
  return backup.type === 'wal'
}

/** Whether it follows every change as it comes, so that nothing waits for the next backup. */
export function isContinuous({ backup }: NamedBackup): boolean {
  return backup.type === 'wal' || backup.on === 'continuous'
}

/** Whether a database can be restored from it alone. */
export function isComplete({ backup }: NamedBackup): boolean {
  return backup.type === 'full' || backup.type === 'logical'
}

/** Milliseconds for which it is kept. */
export function keptFor({ backup }: NamedBackup): number {
  return backup.keep === 'forever' ? Number.POSITIVE_INFINITY : backup.keep
}

/**
 * The longest time between two firings of a schedule, over 13 months; undefined for what has no schedule or one that is not
 * a schedule. UTC: a change of clocks moves firings by an hour at most and is not the plan's to mend.
 */
export function longestGapMs(schedule: string | undefined): number | undefined {
  const [minute, hour, ...days] = schedule?.split(' ') ?? []
  if (minute === undefined || hour === undefined || days.length !== 3) return undefined
  try {
    // The time of day and the day are independent of each other, so that days and minutes need not be walked together.
    const times = firings(`${minute} ${hour} * * *`, '2026-01-01T00:00:00Z', '2026-01-01T23:59:59Z')
    const dates = firings(`0 0 ${days.join(' ')}`, '2026-01-01T00:00:00Z', '2027-02-01T00:00:00Z')
    const [first, last] = [times[0], times.at(-1)]
    if (first === undefined || last === undefined) return undefined
    const overnight = gaps(dates).map((between) => between - (last - first))
    const longest = Math.max(0, ...gaps(times), ...overnight)
    return dates.length > 0 && longest > 0 ? longest : undefined
  } catch {
    return undefined
  }
}

function firings(pattern: string, from: string, to: string): number[] {
  // croner begins after the moment it is given.
  const begin = new Date(Date.parse(from) - 1_000)
  const found: number[] = []
  for (const run of new Cron(pattern, { timezone: 'UTC' }).enumerate(begin)) {
    if (run.getTime() > Date.parse(to)) break
    found.push(run.getTime())
  }
  return found
}

function gaps(moments: readonly number[]): number[] {
  return moments.slice(1).map((moment, index) => moment - (moments[index] ?? moment))
}
