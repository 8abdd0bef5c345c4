import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const labelValues: Rule = {
  id: 'label-values',
  severity: 'error',
  summary: 'Every label of a metric has its values declared in telemetry.labels.',
  check: ({ plan }) => {
    const declared = Object.keys(plan.telemetry.labels)
    return Object.entries(plan.telemetry.metrics).flatMap(([metric, { labels }]) =>
      labels.flatMap((label, index) =>
        declared.includes(label)
          ? []
          : [
              {
                path: ['telemetry', 'metrics', metric, 'labels', index],
                message: `The label "${label}" has no declared values: all of them would leave as "other".`,
                fix: suggest(label, declared, `Declare its values in telemetry.labels.`),
              },
            ],
      ),
    )
  },
}
