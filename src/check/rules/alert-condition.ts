import { isConditional, isQuery, parsePromql } from '../promql/parse.ts'
import type { Rule } from '../rule.ts'

export const alertCondition: Rule = {
  id: 'alert-condition',
  severity: 'error',
  summary: 'The condition of an alert is PromQL and compares with something.',
  check: ({ plan }) =>
    Object.entries(plan.alerts).flatMap(([name, { when, minimumSample }]) => {
      const path = ['alerts', name, 'when']
      const sample = minimumSample && parsePromql(minimumSample.of)
      if (sample && !isQuery(sample)) {
        const message = `The minimum sample is not PromQL. ${sample.problem}`
        return [{ path: ['alerts', name, 'minimumSample', 'of'], message, fix: 'Correct the expression.' }]
      }
      const query = parsePromql(when)
      if (!isQuery(query)) {
        return [{ path, message: `The condition is not PromQL. ${query.problem}`, fix: 'Correct the expression.' }]
      }
      if (isConditional(query)) return []
      return [
        {
          path,
          message: 'The condition compares with nothing, so that the alert fires as long as its series exist.',
          fix: "Add the bound, such as '> 0.05'; where absence is the trouble, use absent(...).",
        },
      ]
    }),
}
