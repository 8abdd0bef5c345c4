import type { StartedService } from '../plan/services.ts'

/** Everything a service's environment is made of. */
export interface ServiceSetting {
  system: string
  service: string
  environment: string
  port: number
  host: string
  entry: StartedService
  /** Base addresses of the services it needs, by name. */
  addresses: ReadonlyMap<string, string>
  /** URL of the database as the service's role; undefined when the plan names no role. */
  databaseUrl: string | undefined
  /** Beyond the plan; wins over it. */
  extra: Readonly<Record<string, string>>
}

/** The variable that carries the address of a needed service: `push-relay` is PUSH_RELAY_URL. */
function addressVariable(service: string): string {
  return `${service.toUpperCase().replaceAll('-', '_')}_URL`
}

/** The last one is where Node keeps what it compiled: a service starts in half the time. */
const inheritedNames = ['PATH', 'HOME', 'LANG', 'NODE_COMPILE_CACHE']

/**
 * The whole environment of a service process. Nothing is inherited but a few names that hold no secret: what a service needs
 * stands in its plan, and no credential of whoever runs Aval reaches it.
 */
export function serviceEnvironment(
  setting: ServiceSetting,
  inherited: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const environment: Record<string, string> = { TZ: 'UTC' }
  for (const name of inheritedNames) {
    const value = inherited[name]
    if (value !== undefined) environment[name] = value
  }
  for (const [service, address] of setting.addresses) environment[addressVariable(service)] = address
  if (setting.databaseUrl !== undefined) environment['DATABASE_URL'] = setting.databaseUrl
  return {
    ...environment,
    HOST: setting.host,
    PORT: String(setting.port),
    AVAL_SYSTEM: setting.system,
    AVAL_SERVICE: setting.service,
    AVAL_ENVIRONMENT: setting.environment,
    ...setting.entry.environment,
    ...setting.extra,
  }
}
