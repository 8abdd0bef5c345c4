import { failure } from '../errors.ts'
import type { Database } from '../plan/database.ts'
import type { System } from '../project/project.ts'

/** Which database a command means. */
export interface TargetChoice {
  /** A key of `database.servers`; `development` unless told. */
  environment: string
  /** Environment variable that holds the URL, in place of what the plan names. */
  urlFrom?: string
}

/** Whether the development database is meant that Aval runs itself. */
export function isOwnServer({ servers }: Database, { environment, urlFrom }: TargetChoice): boolean {
  return urlFrom === undefined && environment === 'development' && typeof servers[environment] !== 'object'
}

/**
 * The URL of a server that somebody else owns, and the variable that holds it.
 * @throws MIGRATE_NO_URL when the variable is not set, MIGRATE_NO_SERVER when the plan names no such server
 */
export function externalUrl(
  system: System,
  plan: Database,
  { environment, urlFrom }: TargetChoice,
  variables: NodeJS.ProcessEnv,
): { url: string; variable: string } {
  const declared = plan.servers[environment]
  const variable = urlFrom ?? (typeof declared === 'object' ? declared.external : undefined)
  if (variable === undefined)
    throw failure('MIGRATE_NO_SERVER', {
      system: system.name,
      environment,
      known: Object.keys(plan.servers).join(', '),
    })
  const url = variables[variable]
  if (url === undefined || url === '') throw failure('MIGRATE_NO_URL', { system: system.name, variable })
  return { url, variable }
}
