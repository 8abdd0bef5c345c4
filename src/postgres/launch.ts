import { chmod, mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../clock.ts'
import { failure, messageOf } from '../errors.ts'
import { type Child, startChild } from '../process.ts'
import { serverAccount } from './account.ts'
import type { Binaries } from './binaries.ts'
import { blindLog } from './blind-log.ts'
import { ensureCluster, handOver, serverEnvironment } from './cluster.ts'
import { withClient } from './connection.ts'
import { clearLeftover, killServer } from './leftover.ts'
import { claim, type Owner } from './owner.ts'
import { blockingAncestor, temporaryPlace } from './place.ts'
import { type OwnedServer, serverUrl } from './server.ts'
import { clusterName } from './server-processes.ts'
import { type Settings, writeSettings } from './settings.ts'
import { loadOrCreatePassword, setPassword, superuser } from './superuser.ts'

export interface LaunchOptions {
  /** Made when it is empty or absent. The server account must be able to reach it: see `reachable`. */
  dataDirectory: string
  binaries: Binaries
  clock: Clock
  /** A free one unless told. */
  port?: number
  /** Settings of the plan. Without them the directory keeps those it was last started with, wherever that was. */
  settings?: Settings
  /** Receives the server's log, free of statements and values. */
  log?: (line: string) => void
  /** Milliseconds without any sign of life before the start is given up; 60 000 unless told. */
  timeoutMs?: number
}

/**
 * Starts the server of a data directory and returns once it accepts connections, which in recovery is before it takes
 * writes. Whatever a killed Aval or a killed Postgres left behind is cleared first.
 * @throws POSTGRES_IN_USE, POSTGRES_RUNNING_ELSEWHERE, POSTGRES_PLACE_UNREACHABLE, POSTGRES_NOT_A_CLUSTER,
 * POSTGRES_WRONG_MAJOR, POSTGRES_SETTING_RESERVED, POSTGRES_START_FAILED
 */
export async function startServer(options: LaunchOptions): Promise<OwnedServer> {
  const dataDirectory = resolve(options.dataDirectory)
  const { clock, binaries } = options
  await requireReachable(dataDirectory, binaries)
  await mkdir(dirname(dataDirectory), { recursive: true })
  const socket = await temporaryPlace('aval')
  let release = () => socket.remove()
  try {
    const ownership = await claim(dataDirectory, socket.path)
    release = async () => {
      await killServer(dataDirectory, clock)
      await socket.remove()
      await ownership.release()
    }
    await clearLeftover(dataDirectory, ownership.abandoned, clock)
    await removeSocketOf(ownership.predecessor)
    await ensureCluster(dataDirectory, binaries)
    const account = serverAccount()
    if (account) await handOver(dataDirectory, account)
    await chmod(dataDirectory, 0o700)
    await writeSettings(dataDirectory, options.settings)
    const password = await loadOrCreatePassword(dataDirectory)
    const started = await launch(dataDirectory, socket.path, options)
    return await owned({ dataDirectory, socketDirectory: socket.path, password, release, ...started }, options)
  } catch (error) {
    await release()
    throw error
  }
}

interface Launched {
  child: Child
  port: number
  /** The last lines of the log, oldest first. */
  lastWords(): string
  inRecovery: boolean
}

/** A port found free may be taken before Postgres binds it: another is tried then, unless the caller insisted on one. */
async function launch(dataDirectory: string, socketDirectory: string, options: LaunchOptions): Promise<Launched> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort())
    try {
      return await launchOn(port, dataDirectory, socketDirectory, options)
    } catch (error) {
      if (options.port !== undefined || attempt === 5 || !/could not create any TCP\/IP sockets/.test(nextOf(error)))
        throw error
    }
  }
}

async function launchOn(
  port: number,
  dataDirectory: string,
  socketDirectory: string,
  { binaries, clock, log, timeoutMs = 60_000 }: LaunchOptions,
): Promise<Launched> {
  const account = serverAccount()
  const child = await startChild({
    program: join(binaries.directory, 'postgres'),
    args: [
      ...['-D', dataDirectory, '-p', String(port)],
      ...['-c', `unix_socket_directories=${socketDirectory}`],
      ...['-c', `cluster_name=${clusterName(dataDirectory)}`],
    ],
    cwd: '/',
    env: serverEnvironment,
    ...(account ? { account } : {}),
  })
  const recent: string[] = []
  let lastSign = clock.now()
  const read = blindLog((line) => {
    lastSign = clock.now()
    recent.push(line)
    if (recent.length > 12) recent.shift()
    log?.(line)
  })
  child.process.stdout?.resume()
  child.process.stderr?.setEncoding('utf8').on('data', read)
  const lastWords = () => recent.join('\n    ')

  let alive = true
  void child.ended.then(() => {
    alive = false
  })
  const url = serverUrl({ user: superuser, host: socketDirectory, port, database: 'postgres' })
  let reason = 'no connection was tried'
  while (alive && clock.now() - lastSign < timeoutMs) {
    try {
      return { child, port, lastWords, inRecovery: await isInRecovery(url) }
    } catch (error) {
      reason = messageOf(error)
      await clock.sleep(20)
    }
  }
  const output = alive ? `${lastWords()}\n    ${reason}` : lastWords()
  await child.stop({ signal: 'SIGQUIT', graceMs: 5_000 })
  throw failure('POSTGRES_START_FAILED', { directory: dataDirectory, version: binaries.version, output })
}

async function owned(
  parts: Launched & { dataDirectory: string; socketDirectory: string; password: string; release: () => Promise<void> },
  { binaries, clock }: LaunchOptions,
): Promise<OwnedServer> {
  const { child, port, dataDirectory, socketDirectory, password } = parts
  const socketUrl = serverUrl({ user: superuser, host: socketDirectory, port, database: 'postgres' })
  let running = true
  const ended = child.ended.then(() => {
    running = false
    return parts.release()
  })
  // In recovery the superuser still has the password of wherever the data comes from.
  let passwordSet = !parts.inRecovery
  if (passwordSet) await setPassword(socketUrl, password)

  return {
    major: binaries.major,
    version: binaries.version,
    dataDirectory,
    port,
    pid: child.pid,
    socketDirectory,
    ended,
    running: () => running,
    url: ({ user, password: given, database = 'postgres' } = {}) => {
      if (user !== undefined) {
        return serverUrl({
          user,
          host: '127.0.0.1',
          port,
          database,
          ...(given === undefined ? {} : { password: given }),
        })
      }
      if (!passwordSet) return serverUrl({ user: superuser, host: socketDirectory, port, database })
      return serverUrl({ user: superuser, password, host: '127.0.0.1', port, database })
    },
    stop: async (mode = 'fast') => {
      if (mode === 'fast') {
        child.signal('SIGINT')
        // A reader of WAL that has stopped reading would hold a fast stop up for ever.
        const patience = new AbortController()
        await Promise.race([child.ended, clock.sleep(30_000, patience.signal).catch(() => undefined)])
        patience.abort()
      }
      if (running) await child.stop({ signal: 'SIGQUIT', graceMs: 10_000 })
      await ended
    },
    kill: async () => {
      child.signal('SIGKILL')
      await ended
    },
    waitUntilWritable: async (timeoutMs = 600_000) => {
      const deadline = clock.now() + timeoutMs
      while (await isInRecovery(socketUrl).catch(() => true)) {
        if (!running || clock.now() > deadline) {
          throw failure('POSTGRES_NOT_WRITABLE', { directory: dataDirectory, output: parts.lastWords() })
        }
        await clock.sleep(20)
      }
      await setPassword(socketUrl, password)
      passwordSet = true
    },
  }
}

async function requireReachable(dataDirectory: string, binaries: Binaries): Promise<void> {
  const account = serverAccount()
  if (account === undefined) return
  for (const path of [dataDirectory, join(binaries.directory, 'postgres')]) {
    const ancestor = await blockingAncestor(path, account)
    if (ancestor !== undefined) throw failure('POSTGRES_PLACE_UNREACHABLE', { path, ancestor, account: account.name })
  }
}

async function removeSocketOf(predecessor: Owner | undefined): Promise<void> {
  const directory = predecessor?.socketDirectory
  if (directory !== undefined && /^\/tmp\/aval-\w+$/.test(directory))
    await rm(directory, { recursive: true, force: true })
}

function isInRecovery(url: string): Promise<boolean> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ recovering: boolean }>('SELECT pg_is_in_recovery() AS recovering')
    return rows[0]?.recovering === true
  })
}

async function freePort(): Promise<number> {
  const probe = createServer()
  return new Promise((resolve, reject) => {
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port)
        else reject(failure('UNEXPECTED', { problem: 'the system gave no free port' }))
      })
    })
  })
}

function nextOf(error: unknown): string {
  return error instanceof Error && 'next' in error ? String(error.next) : ''
}
