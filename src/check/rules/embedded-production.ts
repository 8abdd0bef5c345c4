import type { Rule } from '../rule.ts'

export const embeddedProduction: Rule = {
  id: 'embedded-production',
  severity: 'error',
  summary: 'The Postgres from npm is not named for production.',
  check: ({ plan }) =>
    Object.entries(plan.database?.servers ?? {})
      .filter(([environment, server]) => /^prod/i.test(environment) && server === 'embedded')
      .map(([environment]) => ({
        path: ['database', 'servers', environment],
        message:
          'The embedded Postgres is for development and proofs: it has an old OpenSSL and no packager who mends it.',
        fix: "Use 'installed', or { external: 'DATABASE_URL' } for a server somebody else runs.",
      })),
}
