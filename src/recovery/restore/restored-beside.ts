import { mkdir, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import type { Binaries } from '../../postgres/binaries.ts'
import { killServer } from '../../postgres/leftover.ts'
import { reachable } from '../../postgres/place.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { processExists } from '../../process.ts'
import type { EngineRestore, RecoveryEngine } from '../engine.ts'
import { nativeEngine } from '../native-engine.ts'
import type { Repository } from '../repository/repository.ts'
import { formatLsn } from '../wal/lsn.ts'
import type { FinishRestoreOptions } from './finish-restore.ts'
import { findRestorePoint } from './restore-point.ts'

export interface BesideOptions {
  repository: Repository
  /** Whoever made the backups; the native engine over the repository unless told. */
  engine?: RecoveryEngine
  /** Folder the copy is made in; on a disk with room for the whole database. */
  directory: string
  at: 'latest' | number
  /** Id of the backup to begin with; the newest before the moment unless told. */
  backup?: string
  /** The copy must hold everything up to here: waited for until it is stored, a minute at most. Of the native engine only. */
  upTo?: bigint
  binaries: Binaries
  clock: Clock
  database: string
  owner: string
  /** `recovery.erasures` of the plan: whoever was erased is not in the copy either. */
  erasures?: FinishRestoreOptions['erasures']
  onProgress?: (progress: { bytes: number; totalBytes: number }) => void
  signal?: AbortSignal
}

export interface Beside {
  server: OwnedServer
  /** The superuser on the database. */
  url: string
  restored: EngineRestore
}

/**
 * Restores a copy of the database beside, to read from, and removes it whatever happens; what a killed call left is removed by the next one. The SQL
 * that a plan wants run after a restore is not run: nobody will be served from this copy.
 * @throws what the engine throws, WAL_NOT_STORED
 */
export async function withRestoredBeside<T>(options: BesideOptions, work: (copy: Beside) => Promise<T>): Promise<T> {
  const { repository, clock, binaries, database, owner, at, signal } = options
  const engine = options.engine ?? nativeEngine({ repository, folder: options.directory, clock })
  const place = await reachable(join(options.directory, `beside-${process.pid}`))
  const folder = dirname(place)
  await mkdir(folder, { recursive: true })
  await clearAbandoned(folder, clock)
  if (options.upTo !== undefined) await waitForWal(repository, options.upTo, clock, signal)
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => removeCopy(place, clock))
  const restored = await engine.restore({
    to: place,
    at,
    binaries,
    wal: 'meanwhile',
    ...(options.backup === undefined ? {} : { backup: options.backup }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    ...(signal === undefined ? {} : { signal }),
  })
  const server = await engine.recover({
    dataDirectory: place,
    binaries,
    clock,
    afterRestore: [],
    database,
    owner,
    ...(options.erasures === undefined ? {} : { erasures: options.erasures }),
  })
  cleanup.defer(() => server.stop('immediate'))
  return await work({ server, url: server.url({ database }), restored })
}

async function waitForWal(
  repository: Repository,
  upTo: bigint,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const deadline = clock.now() + 60_000; ; ) {
    const { end } = await findRestorePoint(repository, 'latest')
    if (end >= upTo) return
    if (clock.now() > deadline) {
      const trouble = 'What keeps its receiver is not known here.'
      throw failure('WAL_NOT_STORED', { lsn: formatLsn(upTo), seconds: 60, stored: formatLsn(end), trouble })
    }
    await clock.sleep(200, signal)
  }
}

async function clearAbandoned(folder: string, clock: Clock): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /^beside-(\d+)/.exec(name)?.[1]
    if (pid === undefined || processExists(Number(pid))) continue
    await removeCopy(join(folder, `beside-${pid}`), clock)
  }
}

/** The copy with what lies beside it: its WAL, its password, notes of who is at work. */
async function removeCopy(path: string, clock: Clock): Promise<void> {
  await killServer(path, clock)
  const folder = dirname(path)
  for (const name of await readdir(folder)) {
    if (name === basename(path) || name.startsWith(`${basename(path)}.`)) {
      await rm(join(folder, name), { recursive: true, force: true })
    }
  }
}
