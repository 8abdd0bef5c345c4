import type { Plan } from './plan.ts'
import { formatDuration } from './units.ts'

type Alert = Plan['alerts'][string]
type Objective = Plan['incidents']['objectives'][string]

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/**
 * When a budget burns too fast: the part of it that may go within the longer range before somebody is told. The shorter range, a
 * twelfth, lets the alert end soon after the burning does. From the SRE workbook, "Alerting on SLOs", with a row for a
 * day between its own; over 30 days the factors are 14.4, 6, 3 and 1.
 */
const burns = [
  { longMs: hour, shortMs: 5 * minute, budget: 0.02, page: true },
  { longMs: 6 * hour, shortMs: 30 * minute, budget: 0.05, page: true },
  { longMs: day, shortMs: 2 * hour, budget: 0.1, page: false },
  { longMs: 3 * day, shortMs: 6 * hour, budget: 0.1, page: false },
] as const

/** How many times faster than the target allows a budget burns that loses this part of itself in the longer range. */
export function burnFactors(windowMs: number): number[] {
  return burns.map(({ longMs, budget }) => (budget * windowMs) / longMs)
}

/** The alerts of every objective of a plan, by name: `<objective>_burn_1h` and so on. A faster one inhibits the slower. */
export function burnRateAlerts(plan: Plan): Record<string, Alert> {
  return Object.fromEntries(
    Object.entries(plan.incidents.objectives).flatMap(([name, objective]) => alertsOf(name, objective)),
  )
}

/** The alerts of one objective, from the fastest burn to the slowest. */
export function alertsOf(name: string, objective: Objective): [string, Alert][] {
  const names = burns.map(({ longMs }) => `${name}_burn_${formatDuration(longMs)}`)
  const factors = burnFactors(objective.window)
  return burns.map(({ longMs, shortMs, page }, index) => {
    const factor = factors[index] ?? 0
    const bound = Number((factor * (1 - objective.target)).toPrecision(12))
    const over = (ms: number) => `(${within(objective.errors, ms)}) / (${within(objective.total, ms)}) > ${bound}`
    const alert: Alert = {
      when: `(${over(longMs)}) and (${over(shortMs)})`,
      for: 0,
      keepFiringFor: 0,
      minimumSample: {
        of: `(${within(objective.total, longMs)}) * ${longMs / 1_000}`,
        atLeast: objective.minimumSample,
      },
      inhibits: names.slice(index + 1),
      severity: page ? objective.page : objective.ticket,
      notify: objective.notify,
      summary: `The error budget of ${name} burns at more than ${Number(factor.toPrecision(3))} times what it allows`,
      runbook: objective.runbook,
      then: {},
      requirements: objective.requirements,
      source: objective.source,
      note: objective.note,
    }
    return [names[index] ?? name, alert]
  })
}

/** PromQL of an objective over a range. */
export function within(expression: string, ms: number): string {
  return expression.replaceAll('$window', promqlDuration(ms))
}

function promqlDuration(ms: number): string {
  return `${ms / minute}m`
}
