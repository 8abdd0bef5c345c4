import { dirname, join } from 'node:path'
import type { Clock } from '../clock.ts'
import { describeError } from '../errors.ts'
import { serverAccount } from '../postgres/account.ts'
import { outageOf, withClient } from '../postgres/connection.ts'
import { reachable } from '../postgres/place.ts'
import type { OwnedServer } from '../postgres/server.ts'
import type { System } from '../project/project.ts'
import type { ErasureRecord } from '../recovery/erasures/journal.ts'
import { runAfterRestore } from '../recovery/restore/finish-restore.ts'
import { createStandby, type MadeStandby } from '../recovery/standby/create-standby.ts'
import { beginWaiting, resumeWaitingWhenItFollows } from '../recovery/standby/keep-commits-waiting.ts'
import { loadOrCreateReplicationPassword, writeStandbySettings } from '../recovery/standby/link.ts'
import { readPair } from '../recovery/standby/pair.ts'
import { promoteStandby } from '../recovery/standby/promote-standby.ts'
import { type Rejoined, rejoinStandby } from '../recovery/standby/rejoin-standby.ts'
import { type StandbyStatus, standbyStatus } from '../recovery/standby/standby-status.ts'
import { describeLoss } from '../recovery/standby/unreceived.ts'
import { releaseCommits } from '../recovery/wal/wal-synchronous.ts'
import type { Environment } from './environment.ts'
import { pairFile, refuseForeign } from './pair-file.ts'
import { finishPlacing, refusePending } from './place-restored.ts'
import { databaseName } from './prepare-system.ts'

/** The data directory that holds the truth: the first one, unless a standby was promoted. */
export async function primaryDirectory(directory: string): Promise<string> {
  return (await readPair(pairFile(directory)))?.primary ?? reachable(join(directory, 'database'))
}

export interface LossSettling {
  system: System
  /** What the repository has on record: an erasure may be among what was lost. */
  erasures(): Promise<readonly ErasureRecord[]>
  log(line: string): void
}

/**
 * What is run on a server that takes writes once acknowledged ones are gone, as after a restore: the SQL of the plan, and the erasures on record.
 * A repository out of reach does not hold up the failover; it is said what is then left to do.
 */
export function settleLoss({ system, erasures, log }: LossSettling): (server: OwnedServer) => Promise<void> {
  const database = databaseName(system.name)
  const { recovery } = system.plan
  const owner = system.plan.database?.owner ?? `${database}_owner`
  return async (server) => {
    const recorded = await erasures().catch((error: unknown): ErasureRecord[] => {
      log(`standby | erasures on record could not be read: ${describeError(error)}`)
      log(
        `standby | one of the last minutes may be undone: give \`aval erase ${system.name}\` again for whoever was erased then`,
      )
      return []
    })
    const { afterRestore, erasures: rules } = recovery
    await runAfterRestore(server, { afterRestore, database, owner, erasures: rules }, recorded)
  }
}

export interface StandbyOptions extends LossSettling {
  /** Of the environment. */
  directory: string
  clock: Clock
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
  /** Makes commits wait for it again where they ceased to, once it follows. @returns true when it changed that. */
  resumeWaiting(primary: OwnedServer): Promise<boolean>
  status(primary: OwnedServer): Promise<StandbyStatus>
  /** Runs what a loss asks for on the server that was promoted; see `settleLoss`. */
  settleLoss(server: OwnedServer): Promise<void>
  /** Hands the server over to whoever promoted it. */
  release(): OwnedServer | undefined
  stop(): Promise<void>
}

export interface CreateStandbyOptions {
  synchronous: boolean
  onProgress?: (progress: { bytes: number; totalBytes: number }) => void
  signal?: AbortSignal
}

export function environmentStandby(options: StandbyOptions): Standby {
  const { directory, clock, log } = options
  const file = pairFile(directory)
  const settle = settleLoss(options)
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
  const alone = async (primary: OwnedServer) => {
    try {
      await withClient(primary.url(), (client) => releaseCommits(client))
      return primary
    } catch (error) {
      await primary.stop('immediate')
      throw error
    }
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
      const placed = await finishPlacing({ directory, clock })
      if (placed) log(`restore | what was interrupted is done: the restored data is in ${placed.dataDirectory}`)
      const pair = await readPair(file)
      if (pair === undefined) {
        await refusePending(usual)
        return alone(await launch(usual))
      }
      refuseForeign(pair, file)
      await refusePending(pair.promotion === undefined ? pair.primary : pair.standby)
      if (pair.promotion !== undefined) {
        log('standby | a promotion that was begun is carried on')
        const next = await launch(pair.standby)
        try {
          const { loss } = await promoteStandby({
            pairFile: file,
            clock,
            standby: next,
            primary: undefined,
            afterLoss: settle,
          })
          log(`standby | promoted: ${describeLoss(loss)}`)
          return await alone(next)
        } catch (error) {
          await next.stop('immediate')
          throw error
        }
      }
      const primary = await launch(pair.primary)
      if (pair.state !== 'following') {
        log('standby | there is one copy only; `aval standby rejoin` makes the second again')
        return alone(primary)
      }
      try {
        await startOn(launch, pair.standby, primary)
      } catch (error) {
        log(`standby | ${describeError(outageOf(error, primary.url()))}`)
      }
      try {
        if (!(await beginWaiting(pair, { pairFile: file, clock, primary, standby: server }))) {
          log(
            'standby | it does not follow: COMMITS DO NOT WAIT FOR IT until it does, and a failover may lose the last ones',
          )
          log(
            `standby | \`aval standby status ${options.system.name}\` says why; \`aval standby rejoin\` makes it anew`,
          )
        }
        return primary
      } catch (error) {
        await primary.stop('immediate')
        throw error
      }
    },
    create: async (environment, wanted) => {
      const made = await createStandby({
        ...place(environment),
        ...wanted,
        directory: join(dirname(environment.server.dataDirectory), 'standby-database'),
      })
      server = made.server
      return made
    },
    rejoin: async (environment, wanted = {}) => {
      await server?.stop()
      server = undefined
      const back = await rejoinStandby({ ...place(environment), ...wanted, binaries: environment.binaries })
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
    resumeWaiting: (primary) => resumeWaitingWhenItFollows({ pairFile: file, clock, primary, standby: server }),
    status: async (primary) => {
      const pair = await readPair(file)
      const following = pair?.state === 'following' && pair.promotion === undefined
      return standbyStatus(primary, server, following ? (pair.synchronous ? 'synchronous' : 'asynchronous') : undefined)
    },
    settleLoss: settle,
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
