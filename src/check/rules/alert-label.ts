import { isQuery, parsePromql, selectorsOf } from '../promql/parse.ts'
import { scrapeLabels, seriesOf } from '../promql/series.ts'
import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const alertLabel: Rule = {
  id: 'alert-label',
  severity: 'error',
  summary: 'An alert selects by labels that its metric has.',
  check: ({ plan }) =>
    Object.entries(plan.alerts).flatMap(([name, { when }]) => {
      const query = parsePromql(when)
      if (!isQuery(query)) return []
      return selectorsOf(query).flatMap(({ metric, matchers }) => {
        const series = metric === undefined ? undefined : seriesOf(plan, metric)
        if (!series || 'problem' in series) return []
        const labels = [...series.labels, ...scrapeLabels]
        return matchers
          .filter(({ label }) => !labels.includes(label))
          .map(({ label }) => ({
            path: ['alerts', name, 'when'],
            message: `"${metric}" has no label "${label}", so that this selects nothing.`,
            fix: suggest(label, series.labels, `Add it to the labels of the metric, or drop the matcher.`),
          }))
      })
    }),
}
