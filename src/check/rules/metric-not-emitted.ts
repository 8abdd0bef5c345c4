import { isQuery, parsePromql, selectorsOf } from '../promql/parse.ts'
import { seriesOf } from '../promql/series.ts'
import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const metricNotEmitted: Rule = {
  id: 'metric-not-emitted',
  severity: 'error',
  summary: 'Every metric an alert reads is one that the plan lets out and something emits.',
  check: ({ plan }) => {
    const { metrics } = plan.telemetry
    const queries = Object.entries(plan.alerts).flatMap(([name, { when, minimumSample }]) => [
      { path: ['alerts', name, 'when'], text: when },
      ...(minimumSample ? [{ path: ['alerts', name, 'minimumSample', 'of'], text: minimumSample.of }] : []),
    ])
    return queries.flatMap(({ path, text }) => {
      const query = parsePromql(text)
      if (!isQuery(query)) return []
      const read = new Set(selectorsOf(query).flatMap(({ metric }) => (metric === undefined ? [] : [metric])))
      return [...read].flatMap((metric) => {
        const series = seriesOf(plan, metric)
        if ('problem' in series) {
          const fix = series.fix || suggest(metric, Object.keys(metrics), 'Declare it in telemetry.metrics.')
          return [{ path, message: `The alert can never fire. ${series.problem}`, fix }]
        }
        const emitted = series.metric === undefined || (metrics[series.metric]?.emittedBy.length ?? 0) > 0
        if (emitted) return []
        return [
          {
            path,
            message: `The alert can never fire. telemetry.metrics.${series.metric} says nothing of who emits it.`,
            fix: "Name the services in its emittedBy, or 'aval', or the exporter.",
          },
        ]
      })
    })
  },
}
