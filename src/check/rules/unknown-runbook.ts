import type { PlanPath } from '../../plan/plan.ts'
import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const unknownRunbook: Rule = {
  id: 'unknown-runbook',
  severity: 'error',
  summary: 'Alerts, probes, budgets and procedures name runbooks that the plan declares.',
  check: ({ plan }) => {
    const known = Object.keys(plan.runbooks)
    const named: { path: PlanPath; runbook: string | undefined }[] = [
      ...Object.entries(plan.alerts).map(([name, { runbook }]) => ({ path: ['alerts', name, 'runbook'], runbook })),
      ...Object.entries(plan.probes).map(([name, { runbook }]) => ({ path: ['probes', name, 'runbook'], runbook })),
      ...Object.entries(plan.spend).map(([name, { runbook }]) => ({ path: ['spend', name, 'runbook'], runbook })),
      ...Object.entries(plan.recovery.procedures).map(([name, { runbook }]) => ({
        path: ['recovery', 'procedures', name, 'runbook'],
        runbook,
      })),
    ]
    return named.flatMap(({ path, runbook }) =>
      runbook === undefined || known.includes(runbook)
        ? []
        : [
            {
              path,
              message: `There is no runbook "${runbook}".`,
              fix: suggest(runbook, known, 'Declare it in runbooks.'),
            },
          ],
    )
  },
}
