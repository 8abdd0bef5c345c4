import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const unknownStore: Rule = {
  id: 'unknown-store',
  severity: 'error',
  summary: 'Backups go to stores that recovery.stores declares, and a copy goes to another store than the original.',
  check: ({ plan: { recovery } }) => {
    const known = Object.keys(recovery.stores)
    return Object.entries(recovery.backups).flatMap(([name, { store, copyTo }]) => {
      const path = ['recovery', 'backups', name]
      const unknown = [
        { path: [...path, 'store'], target: store },
        { path: [...path, 'copyTo'], target: copyTo },
      ].flatMap(({ path: at, target }) =>
        target === undefined || known.includes(target)
          ? []
          : [
              {
                path: at,
                message: `There is no store "${target}".`,
                fix: suggest(target, known, 'Declare it in recovery.stores.'),
              },
            ],
      )
      if (copyTo !== store) return unknown
      return [
        ...unknown,
        {
          path: [...path, 'copyTo'],
          message: `The copy of ${name} goes to "${store}", where the original is: one loss takes both.`,
          fix: 'Name a second store, in another place.',
        },
      ]
    })
  },
}
