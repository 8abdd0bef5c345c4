import type { Plan } from './plan.ts'
import type { Budget } from './spend.ts'

type Alert = Plan['alerts'][string]

/** The alerts of every budget of a plan, by name: `<budget>_spend_forecast`, `_spent`, `_day`, and `_on_<item>` for each item. */
export function spendAlerts(plan: Plan): Record<string, Alert> {
  return Object.fromEntries(Object.entries(plan.spend).flatMap(([name, budget]) => spendAlertsOf(name, budget)))
}

/** The alerts of one budget. That it is spent says more than that it was forecast, which is not told any more. */
export function spendAlertsOf(name: string, budget: Budget): [string, Alert][] {
  const { monthly, currency, forecast, spent, day, severity, ticket, items } = budget
  const alert = (when: string, grave: Alert['severity'], summary: string, inhibits: string[] = []): Alert => ({
    when,
    for: 0,
    keepFiringFor: 0,
    inhibits,
    severity: grave,
    notify: budget.notify,
    summary,
    runbook: budget.runbook,
    then: {},
    requirements: budget.requirements,
    source: budget.source,
    note: budget.note,
  })
  const of = (metric: string) => `${metric}{budget="${name}"}`
  const part = (ratio: number) => amount(monthly * ratio)
  const forecastName = `${name}_spend_forecast`
  return [
    [
      `${name}_spend_spent`,
      alert(
        `${of('aval_spend_month')} >= ${part(spent)}`,
        severity,
        `{{value}} ${currency} of the ${monthly} of ${name} are spent this month`,
        [forecastName],
      ),
    ],
    [
      forecastName,
      alert(
        `${of('aval_spend_forecast')} >= ${part(forecast)}`,
        ticket,
        `The month is forecast to cost {{value}} ${currency}; the budget of ${name} is ${monthly}`,
      ),
    ],
    [
      `${name}_spend_day`,
      alert(
        `${of('aval_spend_day')} > ${amount(day)} * ${of('aval_spend_usual_day')}`,
        severity,
        `A day of ${name} cost {{value}} ${currency}, more than ${amount(day * 100)} % of what days cost`,
      ),
    ],
    ...Object.entries(items).map(([item, bound]): [string, Alert] => [
      `${name}_spend_on_${item}`,
      {
        ...alert(
          `aval_spend_item_month{budget="${name}",item="${item}"} > ${amount(bound.monthly)}`,
          ticket,
          bound.summary ?? `{{value}} ${currency} were spent on ${item} this month; its bound is ${bound.monthly}`,
        ),
        requirements: bound.requirements.length > 0 ? bound.requirements : budget.requirements,
        source: bound.source ?? budget.source,
      },
    ]),
  ]
}

/** Without what multiplying in floating point leaves behind. */
function amount(value: number): number {
  return Number(value.toPrecision(12))
}
