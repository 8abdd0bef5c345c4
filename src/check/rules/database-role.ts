import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const databaseRole: Rule = {
  id: 'database-role',
  severity: 'error',
  summary: 'A service connects as a role of database.roles, never as the owner of the schema or a superuser.',
  check: ({ plan }) => {
    const roles = Object.keys(plan.database?.roles ?? {})
    const above = new Set(['postgres', 'aval', plan.database?.owner ?? `${plan.system.replaceAll('-', '_')}_owner`])
    return Object.entries(plan.services).flatMap(([name, { databaseRole: role }]) => {
      if (role === undefined) return []
      const path = ['services', name, 'databaseRole']
      if (above.has(role)) {
        return [
          {
            path,
            message: `${name} would connect as "${role}", whom row security does not hold.`,
            fix: 'Declare a role of its own in database.roles and grant it what the service needs.',
          },
        ]
      }
      if (roles.includes(role)) return []
      const fix = suggest(role, roles, 'Declare it in database.roles.')
      return [{ path, message: `There is no database role "${role}".`, fix }]
    })
  },
}
