import type { Rule } from '../rule.ts'

export const systemName: Rule = {
  id: 'system-name',
  severity: 'error',
  summary: 'A plan in systems/<name> is called by that name.',
  check: ({ name, named, plan }) =>
    named && plan.system !== name
      ? [
          {
            path: ['system'],
            message: `The plan is called "${plan.system}" and stands in the folder "${name}".`,
            fix: `Write system: '${name}', or rename the folder.`,
          },
        ]
      : [],
}
