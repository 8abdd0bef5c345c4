import { isReserved } from '../../postgres/settings.ts'
import type { Rule } from '../rule.ts'

export const settingReserved: Rule = {
  id: 'setting-reserved',
  severity: 'error',
  summary: 'A setting of the database is one that a plan may decide.',
  check: ({ plan }) =>
    Object.keys(plan.database?.settings ?? {})
      .filter(isReserved)
      .map((name) => ({
        path: ['database', 'settings', name],
        message: `The setting "${name}" is not a name Postgres could have, or is one that Aval decides itself.`,
        fix: 'Remove it from database.settings.',
      })),
}
