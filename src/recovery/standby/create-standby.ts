import { copyFile, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { serverAccount } from '../../postgres/account.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import type { Lsn } from '../wal/lsn.ts'
import { type Clone, cloneCluster } from './clone-cluster.ts'
import {
  ensureReplicationRole,
  loadOrCreateReplicationPassword,
  type PrimaryAddress,
  replicationUrl,
  setSynchronous,
  writeStandbySettings,
} from './link.ts'
import { type Pair, writePair } from './pair.ts'
import { clearReleased } from './released.ts'
import { renewSlot } from './slot.ts'
import { standbyStatus } from './standby-status.ts'

export interface StandbyPlace {
  /** Roles and promotions, in a folder of its own. */
  pairFile: string
  clock: Clock
  /** Starts a server on a data directory, in recovery or not. */
  start(dataDirectory: string): Promise<OwnedServer>
  log(line: string): void
}

export interface CreateOptions extends StandbyPlace {
  primary: OwnedServer
  /** Where the standby reaches it; the server's own port unless told. */
  primaryAddress?: PrimaryAddress
  /** The data directory to be; `reachable` for the server's account. An earlier copy there is used. */
  directory: string
  /** Commits wait until the standby has them on disk. */
  synchronous: boolean
  onProgress?: (progress: { bytes: number; totalBytes: number }) => void
  signal?: AbortSignal
}

export interface MadeStandby {
  server: OwnedServer
  copy: Clone
}

/**
 * Makes a second server that follows the primary and answers reads. Interrupted, it can be repeated.
 * @throws POSTGRES_UNREACHABLE, OBJECT_DAMAGED, STANDBY_SILENT, errors of the start; commits do not wait for it then.
 */
export async function createStandby(options: CreateOptions): Promise<MadeStandby> {
  const { primary, pairFile, directory, synchronous } = options
  const pair: Pair = {
    format: 1,
    generation: 1,
    primary: primary.dataDirectory,
    standby: directory,
    state: 'making',
    synchronous,
  }
  await writePair(pairFile, pair)
  return copyAndFollow(options, pair)
}

/** Copies what differs from the primary, starts the standby and waits until it receives. */
export async function copyAndFollow(
  options: Omit<CreateOptions, 'directory' | 'synchronous'>,
  pair: Pair,
): Promise<MadeStandby> {
  const { primary } = options
  // A standby that is not there must not keep commits waiting while it is copied.
  await setSynchronous(primary, false)
  const { address, password } = await prepareLink(options)
  await renewSlot(primary)
  await mkdir(dirname(pair.standby), { recursive: true })
  const account = serverAccount()
  const copy = await cloneCluster({
    url: replicationUrl(address, password),
    directory: pair.standby,
    account,
    settle: () => writeStandbySettings(pair.standby, address, password, account),
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  })
  return { server: await follow(options, pair), copy }
}

export async function prepareLink(
  options: Pick<CreateOptions, 'primary' | 'primaryAddress' | 'pairFile'>,
): Promise<{ address: PrimaryAddress; password: string }> {
  const { primary } = options
  const address = options.primaryAddress ?? { host: '127.0.0.1', port: primary.port }
  const password = await loadOrCreateReplicationPassword(`${options.pairFile}.secret`)
  await ensureReplicationRole(primary, password)
  return { address, password }
}

/** Starts a directory that has the files and settings of a standby, and makes the pair whole once it receives. */
export async function follow(
  options: Pick<CreateOptions, 'primary' | 'pairFile' | 'clock' | 'start'>,
  pair: Pair,
): Promise<OwnedServer> {
  // Whoever knows the password of the primary knows it after a promotion as well.
  await copyFile(`${pair.primary}.secret`, `${pair.standby}.secret`)
  const server = await options.start(pair.standby)
  try {
    await waitUntilStreaming(options, server)
    if (pair.synchronous && !(await makeSynchronous(options, server)))
      throw failure('STANDBY_SILENT', { directory: pair.standby, problem: 'commits do not wait for it' })
    await clearReleased(options.pairFile)
    await writePair(options.pairFile, { ...pair, state: 'following' })
    return server
  } catch (error) {
    await server.stop('immediate')
    throw error
  }
}

/**
 * Waits until the standby is on the primary's timeline and has what the primary had written at the time of the call: one that
 * only reached the end of an older timeline is connected, and receives nothing.
 * @throws STANDBY_SILENT
 */
export async function waitUntilStreaming(
  { primary, clock }: Pick<CreateOptions, 'primary' | 'clock'>,
  standby: OwnedServer,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = clock.now() + timeoutMs
  let goal: Lsn | undefined
  for (;;) {
    const status = await standbyStatus(primary, standby)
    goal ??= status.primary?.written
    const there = status.standby !== undefined && goal !== undefined && status.standby.received >= goal
    if (status.streaming && there && status.standby?.timeline === status.primary?.timeline) return
    if (!standby.running() || clock.now() > deadline) {
      throw failure('STANDBY_SILENT', { directory: standby.dataDirectory, problem: status.repair ?? 'it was too slow' })
    }
    await clock.sleep(50)
  }
}

/** Makes commits wait for a standby that follows. @returns false when the server has not seen it within 10 seconds. */
export async function makeSynchronous(
  { primary, clock }: Pick<CreateOptions, 'primary' | 'clock'>,
  standby: OwnedServer | undefined,
): Promise<boolean> {
  await setSynchronous(primary, true)
  for (const deadline = clock.now() + 10_000; ; await clock.sleep(50)) {
    const { primary: side } = await standbyStatus(primary, standby)
    if (side?.synchronous && side.syncState === 'sync') return true
    if (clock.now() > deadline) return false
  }
}
