import type { Rule } from '../rule.ts'

/** What the plan names of Aval itself. */
const builtIn = new Set(['aval:rows'])

export const missingFile: Rule = {
  id: 'missing-file',
  severity: 'error',
  summary: 'The exercise and the seed that the plan names are there.',
  check: ({ plan, folder }) => {
    const named = [
      { path: ['exercise'], file: plan.exercise, without: 'no promise can be proven by clients' },
      { path: ['database', 'seed'], file: plan.database?.seed, without: 'a new database stays empty' },
    ]
    return named.flatMap(({ path, file, without }) =>
      file === undefined || builtIn.has(file) || folder.hasFile(file)
        ? []
        : [
            {
              path,
              message: `"${file}" is not there: ${without}.`,
              fix: 'Write the file, correct its path, which is relative to the plan, or leave the entry out.',
            },
          ],
    )
  },
}
