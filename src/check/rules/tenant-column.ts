import { nearest } from '../../plan/nearest.ts'
import type { Rule } from '../rule.ts'

const identifier = /[\p{L}_][\p{L}\p{N}_$]*/gu

export const tenantColumn: Rule = {
  id: 'tenant-column',
  severity: 'warning',
  summary: 'The column that says whose a row is stands in a migration.',
  check: ({ plan: { database }, folder }) => {
    const tenant = database?.rowSecurity?.tenant
    if (database === undefined || tenant === undefined) return []
    const { directory } = database.migrations
    const files = folder.files(directory).filter((file) => file.endsWith('.sql'))
    const named = new Set(files.flatMap((file) => folder.text(`${directory}/${file}`).match(identifier) ?? []))
    // A name that is not quoted means the same in any case.
    if (files.length === 0 || [...named].some((name) => name.toLowerCase() === tenant.toLowerCase())) return []
    const close = nearest(tenant, named)
    return [
      {
        path: ['database', 'rowSecurity', 'tenant'],
        message: `No migration in "${directory}" names "${tenant}", so that nobody can tell whose a row is.`,
        fix: `${close === undefined ? '' : `Did you mean "${close}"? `}It is the column by which policies tell whose a row is.`,
      },
    ]
  },
}
