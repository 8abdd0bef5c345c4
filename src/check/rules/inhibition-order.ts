import { alertSeverity } from '../../plan/alerts.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Rule } from '../rule.ts'

export const inhibitionOrder: Rule = {
  id: 'inhibition-order',
  severity: 'error',
  summary: 'An alert inhibits only what is no graver, and no two hide each other.',
  check: ({ plan: { alerts } }) =>
    Object.entries(alerts).flatMap(([name, { inhibits, severity }]) =>
      inhibits.flatMap((other, index) => {
        const target = alerts[other]
        if (!target) return []
        const path = ['alerts', name, 'inhibits', index]
        if (gravity(target.severity) < gravity(severity)) {
          return [
            {
              path,
              message: `"${name}" is ${severity} and would hide "${other}", which is ${target.severity}.`,
              fix: 'Let the graver alert inhibit the lesser.',
            },
          ]
        }
        if (!reaches(alerts, other, name)) return []
        return [
          {
            path,
            message: `"${name}" and "${other}" inhibit each other: while both fire, nobody is told of either.`,
            fix: 'Take one of them out.',
          },
        ]
      }),
    ),
}

function gravity(severity: Plan['alerts'][string]['severity']): number {
  return alertSeverity.options.indexOf(severity)
}

function reaches(alerts: Plan['alerts'], from: string, to: string, seen = new Set<string>()): boolean {
  if (from === to) return true
  if (seen.has(from)) return false
  seen.add(from)
  return (alerts[from]?.inhibits ?? []).some((next) => reaches(alerts, next, to, seen))
}
