import type { Rule } from '../rule.ts'

/** What a directory must hold before it is one of migrations, by layout. */
const holds = {
  supabase: { pattern: /^[^/]+\.sql$/, like: '20260101000000_name.sql' },
  prisma: { pattern: /^[^/]+\/migration\.sql$/, like: '20260101000000_name/migration.sql' },
  sql: { pattern: /^[^/]+\.sql$/, like: '001_name.sql' },
  drizzle: { pattern: /^meta\/_journal\.json$/, like: 'meta/_journal.json' },
} as const

export const migrationsMissing: Rule = {
  id: 'migrations-missing',
  severity: 'error',
  summary: 'The directory of migrations is there and holds some in its layout.',
  check: ({ plan, folder }) => {
    if (!plan.database) return []
    const { directory, layout } = plan.database.migrations
    const path = ['database', 'migrations', 'directory']
    if (!folder.hasFolder(directory)) {
      const fix = 'Create it, or correct the path; it is relative to the plan.'
      return [{ path, message: `The directory of migrations "${directory}" is not there.`, fix }]
    }
    const { pattern, like } = holds[layout]
    if (folder.files(directory).some((file) => pattern.test(file))) return []
    return [
      {
        path,
        message: `"${directory}" holds no migration in the layout of ${layout}.`,
        fix: `Add one, such as ${directory}/${like}, or correct the layout.`,
      },
    ]
  },
}
