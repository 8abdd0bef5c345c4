import type { Rule } from '../rule.ts'

export const backupTrigger: Rule = {
  id: 'backup-trigger',
  severity: 'error',
  summary: 'Every backup says when it is taken.',
  check: ({ plan }) =>
    Object.entries(plan.recovery.backups)
      .filter(([, { schedule, on }]) => schedule === undefined && on === undefined)
      .map(([name]) => ({
        path: ['recovery', 'backups', name],
        part: 'key',
        message: `Nothing ever takes the backup "${name}".`,
        fix: "Give it a schedule, such as '0 * * * *', or an event: on: 'migration'.",
      })),
}
