import type { PlanPath } from '../../plan/plan.ts'
import type { Procedure } from '../../plan/recovery.ts'
import { actionsAfter, decisive } from '../../plan/scenario.ts'
import type { Finding, Rule } from '../rule.ts'

export const scenarioAction: Rule = {
  id: 'scenario-action',
  severity: 'error',
  summary: 'A scenario does what makes sense after its fault, and holds the step that brings the data back.',
  check: ({ plan }) =>
    Object.entries(plan.recovery.procedures).flatMap(([name, procedure]) =>
      judge(name, procedure, ['recovery', 'procedures', name]),
    ),
}

function judge(name: string, { fault, steps }: Procedure, path: PlanPath): Finding[] {
  const given = steps.flatMap(({ action }, index) => (action === undefined ? [] : [{ action, index }]))
  const first = given[0]
  if (fault === undefined) {
    if (first === undefined) return []
    return [
      {
        path: [...path, 'steps', first.index, 'action'],
        message: `"${name}" has steps that a proof could carry out, but names no fault to carry them out after.`,
        fix: "Add fault, such as 'server-lost', or leave the actions out.",
      },
    ]
  }
  const allowed = actionsAfter[fault]
  const senseless = given
    .filter(({ action }) => !allowed.includes(action))
    .map(({ action, index }) => ({
      path: [...path, 'steps', index, 'action'],
      message: `"${action}" makes no sense after the fault "${fault}".`,
      fix: `What does: ${allowed.join(', ')}.`,
    }))
  if (senseless.length > 0 || given.some(({ action }) => action === decisive[fault])) return senseless
  return [
    {
      path: [...path, 'fault'],
      message: `No step of "${name}" brings back what the fault "${fault}" takes, so nothing can measure it.`,
      fix: `Give the step that does it the action '${decisive[fault]}'.`,
    },
  ]
}
