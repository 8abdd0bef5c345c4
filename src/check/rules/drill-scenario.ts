import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const drillScenario: Rule = {
  id: 'drill-scenario',
  severity: 'error',
  summary: 'A drill rehearses a procedure that the plan has.',
  check: ({ plan: { recovery } }) => {
    const known = Object.keys(recovery.procedures)
    return Object.entries(recovery.drills).flatMap(([name, { scenario }]) =>
      scenario === undefined || known.includes(scenario)
        ? []
        : [
            {
              path: ['recovery', 'drills', name, 'scenario'],
              message: `There is no procedure "${scenario}" to rehearse.`,
              fix: suggest(scenario, known, 'Write it in recovery.procedures.'),
            },
          ],
    )
  },
}
