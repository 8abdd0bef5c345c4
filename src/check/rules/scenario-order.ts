import { preconditions } from '../../plan/scenario.ts'
import type { Rule } from '../rule.ts'

export const scenarioOrder: Rule = {
  id: 'scenario-order',
  severity: 'error',
  summary: 'No step of a scenario comes before what it works on or what makes it safe.',
  check: ({ plan }) =>
    Object.entries(plan.recovery.procedures).flatMap(([name, { steps }]) =>
      steps.flatMap(({ action }, index) => {
        if (action === undefined) return []
        const before = steps.slice(0, index).map((step) => step.action)
        return (preconditions[action] ?? [])
          .filter((needed) => !before.includes(needed))
          .map((needed) => ({
            path: ['recovery', 'procedures', name, 'steps', index, 'action'],
            message: `"${action}" comes without "${needed}" before it.`,
            fix: `Put a step with the action '${needed}' before it.`,
          }))
      }),
    ),
}
