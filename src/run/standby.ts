import { dirname, join } from 'node:path'
import type { Clock } from '../clock.ts'
import { describeError } from '../errors.ts'
import { serverAccount } from '../postgres/account.ts'
import { reachable } from '../postgres/place.ts'
import type { OwnedServer } from '../postgres/server.ts'
import type { System } from '../project/project.ts'
import { runAfterRestore } from '../recovery/finish-restore.ts'
import { createStandby, type MadeStandby } from '../recovery/standby/create-standby.ts'
import { loadOrCreateReplicationPassword, writeStandbySettings } from '../recovery/standby/link.ts'
import { readPair } from '../recovery/standby/pair.ts'
import { promoteStandby } from '../recovery/standby/promote-standby.ts'
import { type Rejoined, rejoinStandby } from '../recovery/standby/rejoin-standby.ts'
import { type StandbyStatus, standbyStatus } from '../recovery/standby/standby-status.ts'
import { describeLoss } from '../recovery/standby/unreceived.ts'
import type { Environment } from './environment.ts'
import { databaseName } from './prepare-system.ts'

/** Where an environment says which of its two data directories is the primary. */
export function pairFile(directory: string): string {
  return join(directory, 'standby', 'pair.json')
}

/** The data directory that holds the truth: the first one, unless a standby was promoted. */
export async function primaryDirectory(directory: string): Promise<string> {
  return (await readPair(pairFile(directory)))?.primary ?? reachable(join(directory, 'database'))
}

/** SQL of the plan for when acknowledged writes are gone, run on a server that takes writes. */
export function settleLoss(system: System): (server: OwnedServer) => Promise<void> {
  const database = databaseName(system.name)
  const owner = system.plan.database?.owner ?? `${database}_owner`
  return (server) => runAfterRestore(server, { afterRestore: system.plan.recovery.afterRestore, database, owner }, [])
}

export interface StandbyOptions {
  system: System
  /** Of the environment. */
  directory: string
  clock: Clock
  log(line: string): void
}

/** The standby of an environment: at most one, in this process. */
export interface Standby {
  readonly server: OwnedServer | undefined
  /** What `startEnvironment` opens its server with: the primary of the pair and its standby, a begun promotion carried on. */
  open(launch: (dataDirectory: string) => Promise<OwnedServer>, usual: string): Promise<OwnedServer>
  /** Makes one beside the data of the environment, which has none. */
  create(environment: Environment, options: CreateStandbyOptions): Promise<MadeStandby>
  /** Brings the directory that is not the primary back; see `rejoinStandby`. */
  rejoin(environment: Environment, options?: { method?: 'delta' }): Promise<Rejoined>
  /** Starts it again when it ended. */
  restart(environment: Environment): Promise<void>
  status(primary: OwnedServer): Promise<StandbyStatus>
  /** Hands the server over to whoever promoted it. */
  release(): OwnedServer | undefined
  stop(): Promise<void>
}

export interface CreateStandbyOptions {
  synchronous: boolean
  onProgress?: (progress: { bytes: number; totalBytes: number }) => void
  signal?: AbortSignal
}

export function environmentStandby({ system, directory, clock, log }: StandbyOptions): Standby {
  const file = pairFile(directory)
  let server: OwnedServer | undefined

  /** On the port its primary has in this life. */
  const startOn = async (
    launch: (dataDirectory: string) => Promise<OwnedServer>,
    dataDirectory: string,
    primary: OwnedServer,
  ) => {
    const password = await loadOrCreateReplicationPassword(`${file}.secret`)
    await writeStandbySettings(dataDirectory, { host: '127.0.0.1', port: primary.port }, password, serverAccount())
    server = await launch(dataDirectory)
  }
  const place = (environment: Environment) => ({
    pairFile: file,
    clock,
    log,
    primary: environment.server,
    start: environment.launchServer,
  })
  return {
    get server() {
      return server
    },
    open: async (launch, usual) => {
      const pair = await readPair(file)
      if (pair === undefined) return launch(usual)
      if (pair.promotion !== undefined) {
        log('standby | a promotion that was begun is carried on')
        const next = await launch(pair.standby)
        try {
          const { loss } = await promoteStandby({
            pairFile: file,
            clock,
            standby: next,
            primary: undefined,
            afterLoss: settleLoss(system),
          })
          log(`standby | promoted: ${describeLoss(loss)}`)
          return next
        } catch (error) {
          await next.stop('immediate')
          throw error
        }
      }
      const primary = await launch(pair.primary)
      if (pair.state !== 'following') {
        log('standby | there is one copy only; `aval standby rejoin` makes the second again')
        return primary
      }
      try {
        await startOn(launch, pair.standby, primary)
      } catch (error) {
        log(`standby | ${describeError(error)}`)
        if (pair.synchronous) log('standby | commits wait for it: `aval standby rejoin` lets them go and makes it anew')
      }
      return primary
    },
    create: async (environment, options) => {
      const made = await createStandby({
        ...place(environment),
        ...options,
        directory: join(dirname(environment.server.dataDirectory), 'standby-database'),
      })
      server = made.server
      return made
    },
    rejoin: async (environment, options = {}) => {
      await server?.stop()
      server = undefined
      const back = await rejoinStandby({ ...place(environment), ...options, binaries: environment.binaries })
      server = back.server
      return back
    },
    restart: async (environment) => {
      const pair = await readPair(file)
      if (server?.running() || pair?.state !== 'following' || pair.promotion !== undefined) return
      await server?.stop('immediate')
      server = undefined
      await startOn(environment.launchServer, pair.standby, environment.server)
    },
    status: (primary) => standbyStatus(primary, server),
    release: () => {
      const released = server
      server = undefined
      return released
    },
    stop: async () => {
      await server?.stop()
      server = undefined
    },
  }
}
