import type { Rule } from '../rule.ts'

export const percentileMetric: Rule = {
  id: 'percentile-metric',
  severity: 'error',
  summary: 'Percentiles and buckets are asked of histograms only.',
  check: ({ plan }) =>
    Object.entries(plan.telemetry.metrics).flatMap(([metric, { type, percentiles, buckets }]) => {
      if (type === 'histogram') return []
      const asked = percentiles.length > 0 ? 'percentiles' : buckets ? 'buckets' : undefined
      if (!asked) return []
      return [
        {
          path: ['telemetry', 'metrics', metric, asked],
          message: `"${metric}" is a ${type}, of which no ${asked} can be had.`,
          fix: `Make it a histogram, or drop ${asked}.`,
        },
      ]
    }),
}
