import type { Rule } from '../rule.ts'

export const runbookFile: Rule = {
  id: 'runbook-file',
  severity: 'error',
  summary: 'The file of every runbook is there.',
  check: ({ plan, folder }) =>
    Object.entries(plan.runbooks)
      .filter(([, { file }]) => !folder.hasFile(file))
      .map(([name, { file }]) => ({
        path: ['runbooks', name, 'file'],
        message: `The runbook ${name} has no file: "${file}" is not there.`,
        fix: 'Write the file, or correct its path; it is relative to the plan.',
      })),
}
