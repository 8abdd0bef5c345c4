import { alertsOf, burnFactors } from '../../plan/burn-rate.ts'
import type { PlanPath } from '../../plan/plan.ts'
import { isQuery, parsePromql, selectorsOf } from '../promql/parse.ts'
import { seriesOf } from '../promql/series.ts'
import type { Finding, Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const burnRate: Rule = {
  id: 'burn-rate',
  severity: 'error',
  summary: 'Every alert made from an objective can fire.',
  check: ({ plan }) =>
    Object.entries(plan.incidents.objectives).flatMap(([name, objective]) => {
      const at: PlanPath = ['incidents', 'objectives', name]
      const taken = alertsOf(name, objective)
        .filter(([alert]) => Object.hasOwn(plan.alerts, alert))
        .map(
          ([alert]): Finding => ({
            path: ['alerts', alert],
            part: 'key',
            message: `The objective "${name}" makes an alert of the same name.`,
            fix: 'Call one of them otherwise.',
          }),
        )
      const fastest = Math.max(...burnFactors(objective.window)) * (1 - objective.target)
      const unreachable: Finding[] =
        fastest < 1 && objective.target < 1
          ? []
          : [
              {
                path: [...at, 'target'],
                message:
                  objective.target < 1
                    ? `Its fastest alert waits for ${percent(fastest)} of errors and can never fire.`
                    : 'A target of 100 % leaves no budget: the first error fires every alert.',
                fix: `Choose a target between ${percent(1 - 1 / Math.max(...burnFactors(objective.window)))} and 100 %, or a shorter window.`,
              },
            ]
      const queries = (['errors', 'total'] as const).flatMap((field): Finding[] => {
        const text = objective[field]
        const path = [...at, field]
        if (!text.includes('[$window]')) {
          const fix = "Write $window in place of the range: 'sum(rate(http_requests_total[$window]))'."
          return [{ path, message: 'Every range would be the same.', fix }]
        }
        const query = parsePromql(text.replaceAll('$window', '5m'))
        if (!isQuery(query)) {
          return [{ path, message: `This is not PromQL. ${query.problem}`, fix: 'Correct the expression.' }]
        }
        return selectorsOf(query).flatMap(({ metric }) => {
          const series = metric === undefined ? undefined : seriesOf(plan, metric)
          if (!series || !('problem' in series)) return []
          const known = Object.keys(plan.telemetry.metrics)
          const fix = series.fix || suggest(metric ?? '', known, 'Declare it in telemetry.metrics.')
          return [{ path, message: `Its alerts can never fire. ${series.problem}`, fix }]
        })
      })
      return [...taken, ...unreachable, ...queries]
    }),
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(4))} %`
}
