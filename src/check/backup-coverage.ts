import { Cron } from 'croner'
import type { Plan } from '../plan/plan.ts'

export type Backup = Plan['recovery']['backups'][string]

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

/** Whether the log of every change is kept as it comes, so that nothing waits for the next backup. */
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
  if (schedule === undefined) return undefined
  try {
    const end = Date.parse('2027-02-01T00:00:00Z')
    let previous: number | undefined
    let longest = 0
    let counted = 0
    for (const run of new Cron(schedule, { timezone: 'UTC' }).enumerate('2026-01-01T00:00:00')) {
      const at = run.getTime()
      if (previous !== undefined) longest = Math.max(longest, at - previous)
      previous = at
      counted++
      // A frequent schedule repeats itself long before the year is over.
      if (at > end || counted > 12_000) break
    }
    return longest > 0 ? longest : undefined
  } catch {
    return undefined
  }
}
