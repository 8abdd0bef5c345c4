import type { Rule } from '../rule.ts'

export const sharedServer: Rule = {
  id: 'shared-server',
  severity: 'error',
  summary: 'No two environments read their server from the same variable.',
  check: ({ plan }) => {
    const owners = new Map<string, string>()
    return Object.entries(plan.database?.servers ?? {}).flatMap(([environment, server]) => {
      if (typeof server === 'string') return []
      const owner = owners.get(server.external)
      if (owner === undefined) {
        owners.set(server.external, environment)
        return []
      }
      return [
        {
          path: ['database', 'servers', environment],
          message: `${environment} and ${owner} are the same server: both are read from ${server.external}.`,
          fix: `Give ${environment} a variable of its own, such as ${environment.toUpperCase().replaceAll('-', '_')}_${server.external}.`,
        },
      ]
    })
  },
}
