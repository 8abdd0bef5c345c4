import type { Clock } from '../clock.ts'
import { failure } from '../errors.ts'
import type { Child } from '../process.ts'
import type { Binaries } from './binaries.ts'
import { withClient } from './connection.ts'
import { killServer } from './leftover.ts'
import { type OwnedServer, type Server, serverUrl } from './server.ts'
import { setPassword, superuser } from './superuser.ts'

/** A postmaster that accepts connections. */
export interface Launched {
  child: Child
  port: number
  /** The last lines of the log, oldest first. */
  lastWords(): string
  inRecovery: boolean
}

export interface OwnServerOptions {
  launched: Launched
  dataDirectory: string
  socketDirectory: string
  password: string
  binaries: Binaries
  clock: Clock
  /** Ends what is left of the server and gives up the directory. */
  release(): Promise<void>
}

/** How long a fast stop may wait: a reader of WAL that has stopped reading would hold it up for ever. */
const fastStopMs = 30_000

/** The handle of a server that was just started. */
export async function ownServer(options: OwnServerOptions): Promise<OwnedServer> {
  const { dataDirectory, socketDirectory, password, binaries, clock } = options
  const { child, port, lastWords, inRecovery } = options.launched
  const socketUrl = serverUrl({ user: superuser, host: socketDirectory, port, database: 'postgres' })
  // In recovery the superuser still has the password of wherever the data comes from.
  let passwordSet = !inRecovery
  if (passwordSet) await setPassword(socketUrl, password)

  let running = true
  const ended = exitOf(child).then(async () => {
    running = false
    await options.release()
    await child.ended
  })

  const url: Server['url'] = ({ user, password: given, database = 'postgres' } = {}) => {
    const tcp = { host: '127.0.0.1', port, database }
    if (user !== undefined) return serverUrl({ ...tcp, user, ...(given === undefined ? {} : { password: given }) })
    if (passwordSet) return serverUrl({ ...tcp, user: superuser, password })
    return serverUrl({ user: superuser, host: socketDirectory, port, database })
  }

  return {
    major: binaries.major,
    version: binaries.version,
    dataDirectory,
    port,
    pid: child.pid,
    socketDirectory,
    ended,
    running: () => running,
    url,
    stop: async (mode = 'fast') => {
      if (mode === 'fast') {
        child.signal('SIGINT')
        const patience = new AbortController()
        await Promise.race([child.ended, clock.sleep(fastStopMs, patience.signal).catch(() => undefined)])
        patience.abort()
      }
      await child.stop({ signal: 'SIGQUIT', graceMs: 10_000 })
      await ended
    },
    kill: async () => {
      await killServer(dataDirectory, clock)
      await ended
    },
    waitUntilWritable: async (timeoutMs = 600_000) => {
      const deadline = clock.now() + timeoutMs
      while (await isInRecovery(socketUrl).catch(() => true)) {
        if (!running || clock.now() > deadline) {
          throw failure('POSTGRES_NOT_WRITABLE', { directory: dataDirectory, output: lastWords() })
        }
        await clock.sleep(20)
      }
      await setPassword(socketUrl, password)
      passwordSet = true
    },
  }
}

/**
 * The end of the postmaster itself. Its streams close later, when the last of its children is gone; after a kill a busy one
 * may go on until somebody ends it.
 */
export function exitOf(child: Child): Promise<void> {
  return new Promise((resolve) => {
    if (child.process.exitCode !== null || child.process.signalCode !== null) resolve()
    else child.process.once('exit', () => resolve())
  })
}

/** Whether the server replays WAL and takes no writes. Rejects while it accepts no connections. */
export function isInRecovery(url: string): Promise<boolean> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ recovering: boolean }>('SELECT pg_is_in_recovery() AS recovering')
    return rows[0]?.recovering === true
  })
}
