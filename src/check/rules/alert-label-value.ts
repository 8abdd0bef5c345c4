import { isQuery, type Matcher, parsePromql, selectorsOf } from '../promql/parse.ts'
import { seriesOf } from '../promql/series.ts'
import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const alertLabelValue: Rule = {
  id: 'alert-label-value',
  severity: 'error',
  summary: 'An alert selects label values that telemetry.labels lets out.',
  check: ({ plan }) =>
    Object.entries(plan.alerts).flatMap(([name, { when }]) => {
      const query = parsePromql(when)
      if (!isQuery(query)) return []
      return selectorsOf(query).flatMap(({ metric, matchers }) => {
        const series = metric === undefined ? undefined : seriesOf(plan, metric)
        if (!series || 'problem' in series) return []
        return matchers.flatMap((matcher) => {
          const declared = series.labels.includes(matcher.label) ? plan.telemetry.labels[matcher.label] : undefined
          if (!declared || selectsSome(matcher, [...declared, 'other'])) return []
          return [
            {
              path: ['alerts', name, 'when'],
              message: `The label "${matcher.label}" never has the value ${matcher.op}"${matcher.value}": the alert can never fire.`,
              fix: suggest(matcher.value, declared, `Add the value to telemetry.labels.${matcher.label}.`),
            },
          ]
        })
      })
    }),
}

/** Whether one of the values passes; a pattern that JavaScript cannot read is left to Prometheus. */
function selectsSome({ op, value }: Matcher, values: readonly string[]): boolean {
  if (op === '=') return value === '' || values.includes(value)
  if (op !== '=~') return true
  try {
    const pattern = new RegExp(`^(?:${value})$`, 's')
    return values.some((candidate) => pattern.test(candidate)) || pattern.test('')
  } catch {
    return true
  }
}
