import { failure } from '../errors.ts'
import type { Database } from '../plan/database.ts'
import type { findBinaries } from '../postgres/binaries.ts'
import type { System } from '../project/project.ts'
import type { EnvironmentName } from './supervisor.ts'

/**
 * What the plan says of the server of an environment, as arguments of `findBinaries`. Scratch is like development unless the
 * plan says otherwise, and never on a server that belongs to somebody else.
 * @throws ENVIRONMENT_SERVER_EXTERNAL
 */
export function serverChoice(
  system: Pick<System, 'name'>,
  plan: Pick<Database, 'servers' | 'version'>,
  environment: EnvironmentName,
): Parameters<typeof findBinaries> {
  const declared = plan.servers[environment]
  const server = declared ?? (environment === 'scratch' ? plan.servers['development'] : undefined) ?? 'embedded'
  const floor = plan.version.startsWith('>=')
  const major = Number(plan.version.replace('>=', ''))
  if (typeof server === 'string') return [server, floor ? { minimum: major } : { major }]
  if (environment === 'scratch' && declared === undefined) return ['embedded', floor ? { minimum: major } : { major }]
  throw failure('ENVIRONMENT_SERVER_EXTERNAL', { system: system.name, environment, variable: server.external })
}
