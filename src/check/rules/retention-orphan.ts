import { formatDuration } from '../../plan/units.ts'
import { databaseBackups, keptFor } from '../backup-coverage.ts'
import type { Rule } from '../rule.ts'

export const retentionOrphan: Rule = {
  id: 'retention-orphan',
  severity: 'error',
  summary: 'Incremental backups do not outlive the full backups they build on.',
  check: ({ plan }) => {
    const backups = databaseBackups(plan)
    const full = backups.filter(({ backup }) => backup.type === 'full')
    const longest = Math.max(0, ...full.map(keptFor))
    return backups
      .filter((each) => each.backup.type === 'incremental' && keptFor(each) > longest)
      .map((each) => ({
        path: ['recovery', 'backups', each.name, 'keep'],
        message:
          full.length === 0
            ? `${each.name} builds on full backups, and the plan takes none.`
            : `${each.name} is kept longer than the full backups it builds on (${formatDuration(longest)}): what is left then cannot be restored.`,
        fix: 'Keep full backups as long as the last increment on them, or the increments for a shorter time.',
      }))
  },
}
