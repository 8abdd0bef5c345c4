import { statfs } from 'node:fs/promises'
import type { Clock } from '../../clock.ts'
import { AvalError, failure } from '../../errors.ts'
import { formatBytes } from '../../plan/units.ts'
import { serverAccount } from '../../postgres/account.ts'
import { chainOf } from '../backup/backup-chain.ts'
import type { BackupInfo } from '../backup/backup-info.ts'
import { erasuresToRepeat } from '../erasures/journal.ts'
import { listBackups } from '../repository/list-backups.ts'
import type { Repository } from '../repository/repository.ts'
import { markReading } from '../retention/reading-mark.ts'
import { formatLsn, parseLsn } from '../wal/lsn.ts'
import { aheadCommand, prepareWalAhead, releaseWalAhead } from '../wal/wal-ahead.ts'
import type { LeftBranch } from './left-branch.ts'
import { withNewestOpenable } from './newest-openable.ts'
import { markPending } from './pending-restore.ts'
import { writeRecoverySettings } from './recovery-settings.ts'
import { type ManifestedBackup, readManifest, unpackChain } from './restore-chain.ts'
import { findRestorePoint } from './restore-point.ts'
import { claimTarget } from './restore-target.ts'
import { fetchWal } from './restore-wal.ts'

export interface RestoreOptions {
  repository: Repository
  /** Directory of the cluster to be: absent or empty. */
  to: string
  /** Milliseconds since the epoch, by the clock of the server that was backed up; or everything there is. */
  at: 'latest' | number
  clock: Clock
  /** Id of the backup to begin with; the newest before the moment unless told. */
  backup?: string
  /** The timeline to follow; that of the backup told when an earlier restore left it behind, else the newest. */
  timeline?: number
  /** Hears, before anything is written, of another branch that may be meant by the same moment. */
  onLeftBranch?: (left: LeftBranch) => void
  /**
   * When the WAL is fetched: all of it before this ends, or only what recovery reads first, and the rest by `finishRestore` while
   * recovery runs. The second is faster, needs less disk, and needs the repository there as well; `first` unless told.
   */
  wal?: 'first' | 'meanwhile'
  onProgress?: (progress: { bytes: number; totalBytes: number }) => void
  signal?: AbortSignal
}

export interface RestoreResult {
  backup: BackupInfo
  at: 'latest' | number
  dataDirectory: string
  /** Beside it: the WAL its recovery reads; `finishRestore` removes it. */
  walDirectory: string
  files: number
  bytes: number
  walSegments: number
  /** Where the WAL at hand ends. */
  endLsn: string
  /** The branch the system was on at the moment, where it is not what was restored. */
  leftBranch?: LeftBranch
  tookMs: number
}

/**
 * Writes a cluster from a backup, ready to recover to a moment when `finishRestore` starts it. Everything is checked: the moment
 * and the WAL before anything is written, every file while it is written. When anything is wrong nothing is left behind.
 * @throws RESTORE_SERVER_RUNNING, RESTORE_NOT_EMPTY, RESTORE_BUSY, RESTORE_TIMELINE_UNKNOWN, RESTORE_OUTSIDE_WINDOW, RESTORE_WAL_MISSING,
 * RESTORE_NO_ROOM, BACKUP_NONE, BACKUP_UNKNOWN, BACKUP_CHAIN_BROKEN, OBJECT_DAMAGED, OBJECT_OTHER_KEY naming the newest backup that opens, OBJECT_MISSING, or the signal's reason.
 */
export async function restore(options: RestoreOptions): Promise<RestoreResult> {
  try {
    return await restoreWithKeys(options)
  } catch (error) {
    if (!(error instanceof AvalError) || error.code !== 'OBJECT_OTHER_KEY') throw error
    const openable = await listBackups(options.repository, { openable: true })
    throw withNewestOpenable(error, openable.at(-1)?.id)
  }
}

async function restoreWithKeys(options: RestoreOptions): Promise<RestoreResult> {
  const { repository, clock, signal, onProgress } = options
  const began = clock.now()
  signal?.throwIfAborted()
  const point = await findRestorePoint(repository, options.at, options)
  if (point.leftBranch) options.onLeftBranch?.(point.leftBranch)
  const { backup } = point
  const backups = chainOf(backup, backup.parent === undefined ? [] : await listBackups(repository, { openable: true }))
  const chain: ManifestedBackup[] = []
  for (const each of backups) chain.push(await readManifest(repository, each))
  const totalBytes = backups.reduce((sum, { databaseBytes }) => sum + databaseBytes, 0)
  const reads = { backup: backup.id, from: parseLsn(backup.startLsn), to: point.end }
  await using _reading = await markReading(repository, clock, reads)
  const erasures = await erasuresToRepeat(repository)
  const account = serverAccount()
  const target = await claimTarget(options.to, backup.id)
  try {
    await requireRoom(target.directory, totalBytes + point.segments.length * backup.walSegmentBytes)
    let bytes = 0
    const report = (more: number) => {
      bytes += more
      onProgress?.({ bytes, totalBytes })
    }
    // One failure must not leave the other still writing while the directory is cleared.
    const ending = new AbortController()
    const either = signal ? AbortSignal.any([signal, ending.signal]) : ending.signal
    const stop = (error: unknown) => {
      ending.abort(error)
      throw error
    }
    const files = unpackChain({
      repository,
      chain,
      directory: target.directory,
      account,
      onBytes: report,
      signal: either,
    })
    const meanwhile = options.wal === 'meanwhile'
    const fetching = { repository, clock, point, directory: target.wal, account, signal: either }
    const wal = meanwhile ? prepareWalAhead(fetching) : fetchWal(fetching)
    const [unpacked, fetched] = await Promise.allSettled([files.catch(stop), wal.catch(stop)])
    if (unpacked.status === 'rejected') throw ending.signal.reason
    if (fetched.status === 'rejected') throw ending.signal.reason
    const command = meanwhile ? aheadCommand(target.wal) : undefined
    await writeRecoverySettings(target.directory, target.wal, point, account, command)
    await markPending(target.directory, target.wal, account, erasures)
    await unpacked.value.finish()
    await target.keep()
    return {
      backup,
      at: point.at,
      dataDirectory: target.directory,
      walDirectory: target.wal,
      files: backup.files,
      bytes,
      walSegments: point.segments.length,
      endLsn: formatLsn(point.end),
      ...(point.leftBranch ? { leftBranch: point.leftBranch } : {}),
      tookMs: clock.now() - began,
    }
  } catch (error) {
    await releaseWalAhead(repository, target.wal)
    await target.discard()
    throw error
  }
}

/** @throws RESTORE_NO_ROOM */
export async function requireRoom(directory: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory)
  const free = bavail * bsize
  if (free < needed) {
    throw failure('RESTORE_NO_ROOM', { directory, needed: formatBytes(needed), free: formatBytes(free) })
  }
}
