import { databaseBackups, isComplete } from '../backup-coverage.ts'
import type { Rule } from '../rule.ts'

export const objectiveUnmeasured: Rule = {
  id: 'objective-unmeasured',
  severity: 'error',
  summary: 'An objective for the database can be measured: there is a backup to restore.',
  check: ({ plan }) => {
    if (databaseBackups(plan).some(isComplete)) return []
    return Object.entries(plan.recovery.objectives)
      .filter(([, { covers, rto, rpo }]) => (covers === 'database' || covers === 'data') && (rto ?? rpo) !== undefined)
      .map(([name]) => ({
        path: ['recovery', 'objectives', name],
        part: 'key',
        message: `Nothing can measure "${name}": the plan takes no full backup of the database.`,
        fix: "Add one to recovery.backups, such as { schedule: '0 * * * *', keep: '30d' }.",
      }))
  },
}
