import type { Rule } from '../rule.ts'

export const criticalRunbook: Rule = {
  id: 'critical-runbook',
  severity: 'error',
  summary: 'A critical alert says what to do: it names a runbook.',
  check: ({ plan }) =>
    Object.entries(plan.alerts)
      .filter(([, alert]) => alert.severity === 'critical' && alert.runbook === undefined)
      .map(([name]) => ({
        path: ['alerts', name],
        part: 'key',
        message: `${name} is critical and names no runbook: whoever it wakes is not told what to do.`,
        fix: 'Add a runbook, or lower the severity.',
      })),
}
