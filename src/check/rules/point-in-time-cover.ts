import { formatDuration } from '../../plan/units.ts'
import { databaseBackups, keepsLog, keptFor, longestGapMs } from '../backup-coverage.ts'
import type { Finding, Rule } from '../rule.ts'

export const pointInTimeCover: Rule = {
  id: 'point-in-time-cover',
  severity: 'error',
  summary: 'Every moment of the point-in-time window has a full backup before it and the log from there on.',
  check: ({ plan }) => {
    const pointInTime = plan.recovery.pointInTime
    if (!pointInTime) return []
    const { window } = pointInTime
    const path = ['recovery', 'pointInTime', 'window']
    const backups = databaseBackups(plan)
    const logs = backups.filter(keepsLog)
    const full = backups.filter(({ backup }) => backup.type === 'full' && backup.schedule !== undefined)
    const report = (message: string, fix: string): Finding[] => [{ path, message, fix }]

    if (logs.length === 0) {
      return report(
        'Nothing keeps the log of the database, so that only the moments of the backups can be restored.',
        "Add a backup { type: 'wal', on: 'continuous', keep: ... }, or drop pointInTime.",
      )
    }
    if (full.length === 0) {
      return report(
        'No full backup is taken on a schedule, so that the log has nothing to start from.',
        "Add a backup { type: 'full', schedule: ..., keep: ... }.",
      )
    }
    // The oldest moment is reached from the last full backup before it, which is up to one interval older than the window.
    const reach = Math.max(
      ...full.map((each) => {
        const gap = longestGapMs(each.backup.schedule) ?? 0
        const kept = Math.max(...logs.map(keptFor))
        return Math.min(keptFor(each), kept) - gap
      }),
    )
    if (reach >= window) return []
    return report(
      `The window is ${formatDuration(window)}, but what is kept reaches back ${formatDuration(Math.max(0, reach))} only: the first moment needs a full backup older than itself, and the log since.`,
      'Keep full backups and the log for the window and one interval between full backups more, or shorten the window.',
    )
  },
}
