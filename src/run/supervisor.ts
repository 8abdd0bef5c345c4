import type { Clock } from '../clock.ts'
import { failure } from '../errors.ts'
import type { Service, StartedService } from '../plan/services.ts'
import { defaultRestartPolicy, type RestartPolicy } from './backoff.ts'
import { freePort, loopback } from './free-port.ts'
import { type RunningService, type ServiceState, startService } from './service.ts'
import { serviceEnvironment } from './service-environment.ts'
import { serviceLog } from './service-log.ts'
import { serviceMarks } from './service-marks.ts'
import { dependents, inOrder, type Needs } from './start-order.ts'

/** Where Aval runs a system. Both count as development for services marked `only: 'development'`. */
export type EnvironmentName = 'development' | 'scratch'

export interface ServicesOptions {
  system: string
  /** Folder of the system; working directory of its services. */
  directory: string
  /** What `startedServices` and `assignPorts` gave. */
  services: ReadonlyMap<string, StartedService>
  ports: ReadonlyMap<string, number>
  environment: EnvironmentName
  /** URL of the database as a role. */
  databaseUrl(role: string): string
  /** Variables beyond the plan, by service; they win over it. */
  extra?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** File of process marks; see service-marks.ts. */
  marks: string
  clock: Clock
  log(line: string): void
  /** Ends a start that is under way. */
  signal?: AbortSignal
  /** 30 s unless told. */
  readyWithinMs?: number
  /** Between SIGTERM and SIGKILL; 10 s unless told. */
  stopWithinMs?: number
  restart?: RestartPolicy
}

/** The running services of a system. */
export interface Services {
  state(service: string): ServiceState
  pid(service: string): number | undefined
  restarts(service: string): number
  /** Ends them in the reverse of the start order: a service stops once all that need it have stopped. */
  stop(): Promise<void>
}

/** The services of a plan that Aval starts; what it does not start is said through `log`. */
export function startedServices(
  services: Readonly<Record<string, Service>>,
  log: (line: string) => void,
): Map<string, StartedService> {
  const started = new Map<string, StartedService>()
  for (const [name, service] of Object.entries(services)) {
    if ('command' in service) started.set(name, service)
    else if ('image' in service) log(`${name} is not started: its image ${service.image} is run by another tool`)
    else log(`${name} is not started: ${service.provider} runs it`)
  }
  return started
}

/**
 * A port for each service, kept for as long as the environment lives so that clients find a restarted service again.
 * Only development takes the ports that the plan prefers: a proof must not sit on those that a person expects.
 */
export async function assignPorts(
  services: ReadonlyMap<string, StartedService>,
  environment: EnvironmentName,
  log: (line: string) => void,
): Promise<Map<string, number>> {
  const ports = new Map<string, number>()
  const preferred = (service: StartedService) => (environment === 'development' ? service.port : undefined)
  // A preferred port is promised to its service before any other is chosen.
  const wanting = [...services].filter(([, service]) => preferred(service) !== undefined)
  const others = [...services].filter(([, service]) => preferred(service) === undefined)
  for (const [name, service] of [...wanting, ...others]) {
    const wanted = preferred(service)
    const port = await freePort(wanted, new Set(ports.values()))
    if (wanted !== undefined && port !== wanted) log(`${name} | port ${wanted} is taken; it listens on ${port}`)
    ports.set(name, port)
  }
  return ports
}

export function addressOf(port: number): string {
  return `http://${loopback}:${port}`
}

/**
 * Starts the services, each as soon as those it needs are ready, and waits until all are.
 * When one fails, those already started are stopped in order and its error is thrown.
 */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const { services, ports, clock, log } = options
  const marks = serviceMarks(options.marks)
  const width = Math.max(0, ...[...services.keys()].map((name) => name.length))
  const running = new Map<string, RunningService>()
  const needs: Needs = new Map([...services].map(([name, service]) => [name, service.needs]))
  // Aborted by the caller, or by the first service that fails: its siblings need not become ready any more.
  const failed = new AbortController()
  const aborted = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal

  const portOf = (service: string): number => {
    const port = ports.get(service)
    if (port === undefined) throw failure('SERVICE_UNKNOWN', { service, known: [...ports.keys()].join(', ') })
    return port
  }

  const start = async (name: string): Promise<void> => {
    const entry = services.get(name)
    if (!entry) return
    const port = portOf(name)
    const addresses = new Map(
      entry.needs.flatMap((needed) => (services.has(needed) ? [[needed, addressOf(portOf(needed))] as const] : [])),
    )
    const service = await startService({
      name,
      command: entry.command,
      cwd: options.directory,
      env: serviceEnvironment({
        system: options.system,
        service: name,
        environment: options.environment,
        port,
        host: loopback,
        entry,
        addresses,
        databaseUrl: entry.databaseRole === undefined ? undefined : options.databaseUrl(entry.databaseRole),
        extra: options.extra?.[name] ?? {},
      }),
      readyUrl: entry.ready === undefined ? undefined : `${addressOf(port)}${entry.ready}`,
      readyWithinMs: options.readyWithinMs ?? 30_000,
      stopWithinMs: options.stopWithinMs ?? 10_000,
      restart: options.restart ?? defaultRestartPolicy,
      clock,
      log: serviceLog(name, width, log),
      marks,
      signal: aborted,
    })
    running.set(name, service)
  }

  const stop = async (): Promise<void> => {
    await inOrder(dependents(needs), async (name) => running.get(name)?.stop())
    marks.clear()
  }

  try {
    await inOrder(needs, (name) =>
      start(name).catch((error: unknown) => {
        failed.abort(error)
        throw error
      }),
    )
  } catch (error) {
    await stop()
    throw error
  }

  const known = (service: string): RunningService => {
    const found = running.get(service)
    if (!found) throw failure('SERVICE_UNKNOWN', { service, known: [...running.keys()].join(', ') })
    return found
  }
  return {
    state: (service) => known(service).state(),
    pid: (service) => known(service).pid(),
    restarts: (service) => known(service).restarts(),
    stop,
  }
}
