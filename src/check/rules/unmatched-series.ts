import { mismatches } from '../promql/labels.ts'
import { isQuery, parsePromql } from '../promql/parse.ts'
import type { Rule } from '../rule.ts'

export const unmatchedSeries: Rule = {
  id: 'unmatched-series',
  severity: 'error',
  summary: 'Both sides of an operation between series carry the same labels, or say how they meet.',
  check: ({ plan }) =>
    Object.entries(plan.alerts).flatMap(([name, { when }]) => {
      const query = parsePromql(when)
      if (!isQuery(query)) return []
      return mismatches(plan, query).map(({ left, right }) => ({
        path: ['alerts', name, 'when'],
        message: `The alert can never fire: one side has the labels ${listed(left)}, the other ${listed(right)}, so that no pair meets.`,
        fix: 'Aggregate both sides by the same labels, as in sum(...) / sum(...), or say on (...) or ignoring (...).',
      }))
    }),
}

function listed(labels: readonly string[]): string {
  return labels.length > 0 ? `(${labels.join(', ')})` : '()'
}
