import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const unknownNeed: Rule = {
  id: 'unknown-need',
  severity: 'error',
  summary: "A service needs 'database' or another service of the plan.",
  check: ({ plan }) => {
    const known = [...(plan.database ? ['database'] : []), ...Object.keys(plan.services)]
    return Object.entries(plan.services).flatMap(([name, { needs }]) =>
      needs.flatMap((need, index) =>
        known.includes(need)
          ? []
          : [
              {
                path: ['services', name, 'needs', index],
                message: `${name} needs "${need}", which the plan does not have.`,
                fix: suggest(need, known, need === 'database' ? 'Add the database section.' : 'Add the service.'),
              },
            ],
      ),
    )
  },
}
