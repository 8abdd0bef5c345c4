import { chmod, mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../clock.ts'
import { failure, messageOf } from '../errors.ts'
import { startChild } from '../process.ts'
import { serverAccount } from './account.ts'
import type { Binaries } from './binaries.ts'
import { blindLog } from './blind-log.ts'
import { ensureCluster, handOver, serverEnvironment } from './cluster.ts'
import { refuseFenced } from './fence.ts'
import { clearLeftover, killServer } from './leftover.ts'
import { exitOf, isInRecovery, type Launched, ownServer } from './owned-server.ts'
import { claim } from './owner.ts'
import { blockingAncestor, socketPlace } from './place.ts'
import { type OwnedServer, serverUrl } from './server.ts'
import { clusterName } from './server-processes.ts'
import { type Access, type Settings, writeSettings } from './settings.ts'
import { type StandInName, standInArguments, writeStandIns } from './stand-ins.ts'
import { loadOrCreatePassword, superuser } from './superuser.ts'

export interface LaunchOptions {
  /** Made when it is empty or absent. The server account must be able to reach it: see `reachable`. */
  dataDirectory: string
  binaries: Binaries
  clock: Clock
  /** A free one unless told. */
  port?: number
  /** Settings of the plan. Without them the directory keeps those it was last started with, wherever that was. */
  settings?: Settings
  /** Extensions that the server does not offer, and of which a new directory gets an empty likeness; Postgres 18 or later. */
  standIns?: readonly StandInName[]
  /** Who may connect; `superuser` until `admitEverybody`. Everybody unless told. */
  access?: Access
  /** Receives the server's log, free of statements and values. */
  log?: (line: string) => void
  /** Milliseconds without any sign of life before the start is given up; 60 000 unless told. */
  timeoutMs?: number
}

/**
 * Starts the server of a data directory and returns once it accepts connections, which in recovery is before it takes
 * writes. Whatever a killed Aval or a killed Postgres left behind is cleared first.
 * @throws POSTGRES_IN_USE, POSTGRES_RUNNING_ELSEWHERE, POSTGRES_FENCED, POSTGRES_PLACE_UNREACHABLE, POSTGRES_NOT_A_CLUSTER,
 * POSTGRES_WRONG_MAJOR, POSTGRES_SETTING_RESERVED, POSTGRES_START_FAILED
 */
export async function startServer(options: LaunchOptions): Promise<OwnedServer> {
  const dataDirectory = resolve(options.dataDirectory)
  const { clock, binaries } = options
  await mkdir(dirname(dataDirectory), { recursive: true })
  await requireReachable(dataDirectory, binaries)
  const ownership = await claim(dataDirectory)
  let release = ownership.release
  try {
    await refuseFenced(dataDirectory)
    await clearLeftover(dataDirectory, ownership.abandoned, clock)
    await ensureCluster(dataDirectory, binaries)
    await writeStandIns(dataDirectory, options.standIns ?? [])
    const account = serverAccount()
    if (account) await handOver(dataDirectory, account)
    await chmod(dataDirectory, 0o700)
    await writeSettings(dataDirectory, options.settings, options.access)
    const password = await loadOrCreatePassword(dataDirectory)
    const socket = await socketPlace(clusterName(dataDirectory))
    // From here on there may be processes of ours to end, before anybody else may have the directory.
    release = async () => {
      await killServer(dataDirectory, clock)
      await socket.remove()
      await ownership.release()
    }
    const launched = await launch(dataDirectory, socket.path, options)
    return await ownServer({
      dataDirectory,
      socketDirectory: socket.path,
      password,
      release,
      launched,
      binaries,
      clock,
    })
  } catch (error) {
    await release()
    throw error
  }
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
      ...standInArguments(dataDirectory, binaries.major),
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
  void exitOf(child).then(() => {
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
  const silent = alive
  await killServer(dataDirectory, clock)
  // The last lines may still be on their way when the process is already gone.
  await child.ended
  const output = silent ? `${lastWords()}\n    ${reason}` : lastWords()
  throw failure('POSTGRES_START_FAILED', { directory: dataDirectory, version: binaries.version, output })
}

async function requireReachable(dataDirectory: string, binaries: Binaries): Promise<void> {
  const account = serverAccount()
  if (account === undefined) return
  for (const path of [dataDirectory, join(binaries.directory, 'postgres')]) {
    const ancestor = await blockingAncestor(path, account)
    if (ancestor !== undefined) throw failure('POSTGRES_PLACE_UNREACHABLE', { path, ancestor, account: account.name })
  }
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
