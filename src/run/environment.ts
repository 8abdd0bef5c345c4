import { rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../clock.ts'
import { failure } from '../errors.ts'
import { readableMs } from '../plan/readable-duration.ts'
import { type Binaries, findBinaries } from '../postgres/binaries.ts'
import { withClient } from '../postgres/connection.ts'
import type { PreparedDatabase } from '../postgres/database.ts'
import { startServer } from '../postgres/launch.ts'
import { applyMigrations } from '../postgres/migrations/apply.ts'
import type { Migration } from '../postgres/migrations/migration.ts'
import { systemMigrations } from '../postgres/migrations/read.ts'
import { reachable } from '../postgres/place.ts'
import type { OwnedServer, Server } from '../postgres/server.ts'
import type { Settings } from '../postgres/settings.ts'
import type { System } from '../project/project.ts'
import { releaseCommits } from '../recovery/wal/wal-synchronous.ts'
import { loadOrCreateKey } from '../secrets/repository-key.ts'
import type { RestartPolicy } from './backoff.ts'
import { openDatabaseAddress } from './database-address.ts'
import { freePort } from './free-port.ts'
import { lockDirectory } from './owner-lock.ts'
import { prepareSystem } from './prepare-system.ts'
import { quietServerLog } from './quiet-server-log.ts'
import { seedOnce } from './seed.ts'
import { serverChoice } from './server-choice.ts'
import { reapServices } from './service-marks.ts'
import {
  addressOf,
  assignPorts,
  type EnvironmentName,
  type Services,
  startedServices,
  startServices,
} from './supervisor.ts'

export interface EnvironmentOptions {
  system: System
  /** Everything the environment keeps lies here: data, secrets, marks. One owner at a time. */
  directory: string
  environment: EnvironmentName
  clock: Clock
  log(line: string): void
  /** Called before the first pending migration, with a URL that may take a base backup; what it throws ends the start, nothing changed. */
  beforeMigration?(pending: readonly Migration[], url: string): Promise<void>
  /** Called with the owner's URL once the migrations are applied, before any service starts. */
  afterMigration?(ownerUrl: string): Promise<void>
  /** Variables beyond the plan, by service. */
  serviceEnvironment?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Settings of the server beyond the plan, such as those its recovery engine needs. */
  serverSettings?: Readonly<Settings>
  /** How services that end are started again. */
  restart?: RestartPolicy
  /** Ends a start that is under way; whatever it had started is stopped. */
  signal?: AbortSignal
  /** Gives services one address of the database that stays while the server behind it changes; costs each query a hop. */
  databaseAddress?: boolean
  /**
   * Starts the server in place of the usual one: where a standby was promoted, another data directory holds the truth. Called
   * with the lock held and before anything is written; sees to it that commits wait for nobody who is not there.
   */
  openServer?(launch: (dataDirectory: string) => Promise<OwnedServer>, usual: string): Promise<OwnedServer>
}

/**
 * A system that runs: Postgres, its prepared and migrated database, its services. What would start something after `stop`
 * rejects with ENVIRONMENT_STOPPED.
 */
export interface Environment {
  readonly system: System
  readonly directory: string
  /** The present server: another one after `replaceServer`. */
  readonly server: OwnedServer
  readonly binaries: Binaries
  readonly database: PreparedDatabase
  /** Starts another server of the system, such as a standby; whoever asks for it stops it. */
  launchServer(dataDirectory: string): Promise<OwnedServer>
  /** URL of a role, by way of the address that stays over a change of servers where there is one. */
  databaseUrl(role: 'owner' | { role: string }): string
  /** Base address of a service such as `http://127.0.0.1:20123`; the same for as long as the environment lives. */
  address(service: string): string
  /** Every service that Aval starts, with its address. */
  addresses(): Record<string, string>
  /** Process numbers of the services that run just now. */
  servicePids(): number[]
  /** Nothing happens when they run. */
  startServices(): Promise<void>
  stopServices(): Promise<void>
  /**
   * Puts another server in the place of the present one, such as a restored one, and prepares its roles. Services that run
   * are stopped first and started again against it, on the same ports. The environment stops the new server in the end; the
   * old one as well when it still runs.
   */
  replaceServer(server: OwnedServer): Promise<void>
  /**
   * Takes the server that `change` comes back with for the present one. With a database address services stay, lose their
   * connections and find the new server; without one they are started again. When `change` fails nothing has changed.
   */
  switchServer(change: () => Promise<OwnedServer>): Promise<void>
  /**
   * Starts the present server again after it died, on the same data and port; services stay, and find it where it was.
   * Nothing happens while it runs.
   */
  restartServer(): Promise<void>
  /** Ends services and server and gives the directory free. Never leaves anything running; safe to call twice. */
  stop(): Promise<void>
  /** As `stop`, then removes the directory and its data; those of a server put in its place belong to whoever made them. */
  destroy(): Promise<void>
}

/**
 * Starts everything a system needs, in this order: the owner's lock, what a dead owner left, Postgres, database and roles,
 * migrations, seed (of a new development database), services. A second start finds the data of the first.
 * @throws ENVIRONMENT_IN_USE, errors of Postgres, migrations and services, or the signal's reason; nothing is left running.
 */
export async function startEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const { system, clock, log } = options
  const directory = resolve(options.directory)
  const plan = system.plan.database
  if (!plan) throw failure('NO_DATABASE', { system: system.name, file: system.planFile })
  const go = () => options.signal?.throwIfAborted()
  go()

  // Undone in reverse when a step fails, and by `stop`.
  await using cleanup = new AsyncDisposableStack()
  const lock = lockDirectory(directory, system.name, clock)
  cleanup.defer(() => lock.release())
  if (lock.tookOver) log('the process that ran here before died; taking over')
  const marks = join(directory, 'services.json')
  for (const service of await reapServices(marks, clock, log))
    log(`${service} of the dead process was still running; ended it`)

  go()
  const binaries = await findBinaries(...serverChoice(system, plan, options.environment))
  const watched = options.environment === 'development' && process.env['AVAL_DEBUG'] === undefined
  const launch = (dataDirectory: string, port: number) =>
    startServer({
      dataDirectory,
      port,
      binaries,
      clock,
      settings: { ...plan.settings, ...options.serverSettings },
      standIns: plan.standIns,
      log: watched ? quietServerLog((line) => log(`postgres | ${line}`), clock) : (line) => log(`postgres | ${line}`),
    })
  const data = await reachable(join(directory, 'database'))
  const launchAnywhere = async (dataDirectory: string) => launch(dataDirectory, await freePort())
  let server = await (options.openServer?.(launchAnywhere, data) ?? launchAnywhere(data))
  const servers = new Set([server])
  cleanup.defer(async () => {
    for (const each of servers) await each.stop()
  })

  go()
  // A receiver of the last run that is not there yet must not hold up the migrations; nobody else uses the server now.
  if (!options.openServer) await withClient(server.url(), (client) => releaseCommits(client))
  const secret = await loadOrCreateKey(join(directory, 'roles.key'))
  const prepare = (on: Server) => prepareSystem(on, system.name, plan, secret)
  let database = await prepare(server)
  const address = options.databaseAddress ? await openDatabaseAddress() : undefined
  if (address) cleanup.defer(() => address.close())
  address?.pointTo(server)
  const reached = (url: string) => address?.through(url) ?? url

  go()
  const migrations = await systemMigrations(system.directory, plan.migrations)
  await applyMigrations(database.ownerUrl, migrations, {
    clock,
    beforeFirst: async (pending) => options.beforeMigration?.(pending, server.url({ database: database.name })),
    onApplied: ({ name, tookMs }) => log(`migration ${name} applied in ${readableMs(tookMs)}`),
    ...(options.signal ? { signal: options.signal } : {}),
  })
  await options.afterMigration?.(database.ownerUrl)
  if (options.environment === 'development' && plan.seed !== undefined) {
    const seeded = await seedOnce(database, join(system.directory, plan.seed))
    if (seeded) log(`seeded from ${plan.seed}`)
  }

  const services = startedServices(system.plan.services, log)
  const ports = await assignPorts(services, options.environment, log)
  let running: Services | undefined
  const start = async (signal?: AbortSignal): Promise<void> => {
    running ??= await startServices({
      system: system.name,
      directory: system.directory,
      services,
      ports,
      environment: options.environment,
      databaseUrl: (role) => reached(database.roleUrl(role)),
      extra: options.serviceEnvironment ?? {},
      marks,
      clock,
      log,
      ...(options.restart ? { restart: options.restart } : {}),
      ...(signal ? { signal } : {}),
    })
  }
  const halt = async (): Promise<void> => {
    await running?.stop()
    running = undefined
  }
  await start(options.signal)
  cleanup.defer(halt)
  go()

  // One after another, so that a stop asked for in the middle of a restart begins when that has settled.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work)
    last = turn.catch(() => undefined)
    return turn
  }
  const kept = cleanup.move()
  let stopped = false
  const stop = () => {
    stopped = true
    return inTurn(() => kept.disposeAsync())
  }
  /** As `inTurn`, for what would start something: never behind a stop. */
  const whileUp = <T>(work: () => Promise<T>): Promise<T> =>
    inTurn(() => {
      if (stopped) throw failure('ENVIRONMENT_STOPPED', { system: system.name })
      return work()
    })

  return {
    system,
    directory,
    binaries,
    get server() {
      return server
    },
    get database() {
      return database
    },
    launchServer: launchAnywhere,
    databaseUrl: (who) => reached(who === 'owner' ? database.ownerUrl : database.roleUrl(who.role)),
    address: (service) => {
      const port = ports.get(service)
      if (port === undefined) throw failure('SERVICE_UNKNOWN', { service, known: [...ports.keys()].join(', ') })
      return addressOf(port)
    },
    addresses: () => Object.fromEntries([...ports].map(([service, port]) => [service, addressOf(port)])),
    servicePids: () => [...ports.keys()].flatMap((service) => running?.pid(service) ?? []),
    startServices: () => whileUp(() => start()),
    stopServices: () => inTurn(halt),
    replaceServer: (next) =>
      whileUp(async () => {
        const wereRunning = running !== undefined
        await halt()
        servers.add(next)
        server = next
        database = await prepare(next)
        address?.pointTo(next)
        if (wereRunning) await start()
      }),
    switchServer: (change) =>
      whileUp(async () => {
        const next = await change()
        servers.add(next)
        server = next
        database = await prepare(next)
        if (address) address.pointTo(next)
        else if (running) {
          await halt()
          await start()
        }
      }),
    restartServer: () =>
      whileUp(async () => {
        if (server.running()) return
        // What is left of it holds the claim on its directory.
        await server.stop('immediate')
        servers.delete(server)
        server = await launch(server.dataDirectory, server.port)
        servers.add(server)
        await server.waitUntilWritable()
      }),
    stop,
    destroy: async () => {
      await stop()
      // As root the data may lie elsewhere, in a folder made for this directory alone.
      if (!data.startsWith(`${directory}/`)) await rm(dirname(data), { recursive: true, force: true })
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** The Postgres that a scratch environment of a system runs on. @throws NO_DATABASE, errors of `findBinaries` */
export async function scratchBinaries(system: System): Promise<Binaries> {
  const plan = system.plan.database
  if (!plan) throw failure('NO_DATABASE', { system: system.name, file: system.planFile })
  return findBinaries(...serverChoice(system, plan, 'scratch'))
}
