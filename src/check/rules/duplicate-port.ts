import type { Rule } from '../rule.ts'

export const duplicatePort: Rule = {
  id: 'duplicate-port',
  severity: 'error',
  summary: 'No two services prefer the same port.',
  check: ({ plan }) => {
    const owners = new Map<number, string>()
    return Object.entries(plan.services).flatMap(([name, { port }]) => {
      if (port === undefined) return []
      const owner = owners.get(port)
      if (owner === undefined) {
        owners.set(port, name)
        return []
      }
      return [
        {
          path: ['services', name, 'port'],
          message: `Port ${port} is already that of ${owner}.`,
          fix: 'Give one of them another, or leave it out: a free one is found.',
        },
      ]
    })
  },
}
