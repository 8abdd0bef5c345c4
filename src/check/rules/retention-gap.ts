import { formatDuration } from '../../plan/units.ts'
import { isContinuous, keptFor, longestGapMs } from '../backup-coverage.ts'
import type { Rule } from '../rule.ts'

export const retentionGap: Rule = {
  id: 'retention-gap',
  severity: 'error',
  summary: 'A backup is kept until its successor is there.',
  check: ({ plan }) =>
    Object.entries(plan.recovery.backups).flatMap(([name, backup]) => {
      if (isContinuous({ name, backup })) return []
      const gap = longestGapMs(backup.schedule)
      if (gap === undefined || keptFor({ name, backup }) >= gap) return []
      return [
        {
          path: ['recovery', 'backups', name, 'keep'],
          message: `${name} is removed after ${formatDuration(keptFor({ name, backup }))}, and the next comes up to ${formatDuration(gap)} after the last: in between there is none.`,
          fix: `Keep it for ${formatDuration(gap)} at least; twice that survives one that failed.`,
        },
      ]
    }),
}
