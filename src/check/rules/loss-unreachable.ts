import { formatDuration } from '../../plan/units.ts'
import { databaseBackups, isComplete, isContinuous, longestGapMs } from '../backup-coverage.ts'
import type { Rule } from '../rule.ts'

export const lossUnreachable: Rule = {
  id: 'loss-unreachable',
  severity: 'error',
  summary: 'The loss an objective allows is not shorter than what the backups can give.',
  check: ({ plan }) => {
    const backups = databaseBackups(plan)
    if (backups.length === 0 || backups.some(isContinuous)) return []
    const gaps = backups
      .filter((each) => isComplete(each) || each.backup.type === 'incremental')
      .map(({ backup }) => longestGapMs(backup.schedule) ?? Number.POSITIVE_INFINITY)
    const shortest = Math.min(Number.POSITIVE_INFINITY, ...gaps)
    return Object.entries(plan.recovery.objectives).flatMap(([name, { covers, rpo }]) => {
      if ((covers !== 'database' && covers !== 'data') || rpo === undefined || rpo >= shortest) return []
      const taken =
        shortest === Number.POSITIVE_INFINITY
          ? 'no backup is on a schedule'
          : `backups are up to ${formatDuration(shortest)} apart`
      return [
        {
          path: ['recovery', 'objectives', name, 'rpo'],
          message: `${name} may lose ${formatDuration(rpo)}, but ${taken} and the log is not kept.`,
          fix: "Keep the log: { type: 'wal', on: 'continuous', keep: ... }; or take backups more often.",
        },
      ]
    })
  },
}
