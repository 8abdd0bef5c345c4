import type { Rule } from '../rule.ts'

export const objectiveEmpty: Rule = {
  id: 'objective-empty',
  severity: 'error',
  summary: 'A recovery objective states a time or a loss, or notes why it cannot.',
  check: ({ plan }) =>
    Object.entries(plan.recovery.objectives)
      .filter(([, { rto, rpo, note }]) => rto === undefined && rpo === undefined && note === undefined)
      .map(([name]) => ({
        path: ['recovery', 'objectives', name],
        part: 'key',
        message: `The objective "${name}" promises nothing.`,
        fix: 'Give it an rto or an rpo, or a note that says why it has neither.',
      })),
}
