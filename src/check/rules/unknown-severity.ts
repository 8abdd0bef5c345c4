import type { PlanPath } from '../../plan/plan.ts'
import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const unknownSeverity: Rule = {
  id: 'unknown-severity',
  severity: 'error',
  summary: 'Runbooks and escalations use severities that incidents.severities declares.',
  check: ({ plan }) => {
    const known = Object.keys(plan.incidents.severities)
    const named: { path: PlanPath; severity: string }[] = [
      ...Object.entries(plan.runbooks).map(([name, { severity }]) => ({
        path: ['runbooks', name, 'severity'],
        severity,
      })),
      ...Object.entries(plan.incidents.escalation).map(([name, { severity }]) => ({
        path: ['incidents', 'escalation', name, 'severity'],
        severity,
      })),
    ]
    return named
      .filter(({ severity }) => !known.includes(severity))
      .map(({ path, severity }) => ({
        path,
        message: `There is no severity "${severity}".`,
        fix: suggest(severity, known, 'Declare it in incidents.severities.'),
      }))
  },
}
