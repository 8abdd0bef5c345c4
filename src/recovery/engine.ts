import type { Binaries } from '../postgres/binaries.ts'
import type { OwnedServer, Server } from '../postgres/server.ts'
import type { BackupInfo } from './backup/backup-info.ts'
import type { DumpInfo } from './logical/dump-info.ts'
import type { PgBackRestBackup } from './pgbackrest/pgbackrest-backup.ts'
import type { Repository } from './repository/repository.ts'
import type { VerifyOptions, VerifyReport } from './repository/verify.ts'
import type { FinishRestoreOptions } from './restore/finish-restore.ts'
import type { LeftBranch } from './restore/left-branch.ts'
import type { RestoreResult } from './restore/restore.ts'
import type { RestoreWindow } from './restore/restore-point.ts'
import type { Mark } from './wal/heartbeat.ts'

/** Who makes backups and brings them back; `recovery.engine` of the plan. */
export type EngineName = 'native' | 'logical' | 'pgbackrest'

/**
 * What every way of backing a database up can do, so that drills, scenarios and evidence are the same for each. What an engine
 * does in its own manner stands in `detail`.
 */
export interface RecoveryEngine {
  readonly name: EngineName
  /** Any moment of the window can be restored; otherwise only the moments at which backups were taken. */
  readonly pointInTime: boolean
  /** Holds the backups, or, of an engine that has a store of its own, what Aval knows beside them, such as what was erased. */
  readonly repository: Repository
  /** Where backups are kept, for people. */
  readonly place: string
  /** Settings a server must be started with, beside those of its plan. */
  readonly serverSettings: Readonly<Record<string, string | number | boolean>>
  /**
   * Begins what runs beside a server for as long as it serves. An engine that only takes dumps runs nothing, and says by
   * `keptUntil` what that means.
   */
  protect(server: Server, options?: ProtectOptions): Promise<Protection>
  /** Takes a backup while the server goes on serving. It counts only once all of it is kept. */
  backup(options: EngineBackupOptions): Promise<EngineBackup>
  /**
   * Every complete backup, oldest first.
   * @param options.openable passes over those that the keys at hand do not open, where an engine can tell.
   */
  list(options?: { openable?: boolean }): Promise<EngineBackup[]>
  /** Moments that `restore` takes; undefined while there is none. */
  window(): Promise<RestoreWindow | undefined>
  /**
   * Brings what only this machine has yet, such as WAL that was received and not stored, to where backups are kept. For the case that the
   * server is lost and this machine is not; nothing happens when there is nothing.
   */
  rescue(): Promise<void>
  /**
   * Writes a data directory that `recover` brings to service. When anything is wrong nothing is left behind.
   * @throws RESTORE_SERVER_RUNNING, RESTORE_NOT_EMPTY, RESTORE_BUSY, RESTORE_OUTSIDE_WINDOW, BACKUP_NONE, BACKUP_UNKNOWN, what is
   * damaged or missing, or the signal's reason.
   */
  restore(options: EngineRestoreOptions): Promise<EngineRestore>
  /** Starts a server on what was restored, recovered, writable, with the plan's SQL run. May be repeated after a crash. */
  recover(options: FinishRestoreOptions): Promise<OwnedServer>
  /** Reads everything that is kept and names all that is wrong. */
  verify(options?: VerifyOptions): Promise<VerifyReport>
}

export interface ProtectOptions {
  /** Hears once of every outage; protection itself goes on trying. */
  onTrouble?: (error: unknown) => void
  /** How often a heartbeat is committed, so that recent moments can be restored; 1 000. 0 for never. */
  heartbeatMs?: number
}

/** What stands between a running server and a loss. */
export interface Protection {
  /** Commits a heartbeat now; its moment can be restored once it is kept. */
  heartbeat(): Promise<Mark>
  /**
   * Resolves once a loss of the server and its machine would not lose what was committed before the mark.
   * @throws WAL_NOT_STORED, ENGINE_NOT_KEPT after `timeoutMs`.
   */
  waitUntilKept(mark: Mark, timeoutMs: number): Promise<void>
  /** The newest moment, milliseconds since the epoch by the server's clock, that is known to survive that loss. */
  keptUntil(): number | undefined
  /** Keeps what is still under way and ends. */
  stop(): Promise<void>
}

export interface EngineBackupOptions {
  server: Server
  /** What it is called in lists. */
  label?: string
  /** The rule of `recovery.backups` it is taken by. */
  rule?: string
  /** A time of its own to be kept, milliseconds. */
  keep?: 'forever' | number
  /** Of those that follow a full one, where the engine knows them; full unless told. */
  kind?: 'full' | 'differential' | 'incremental'
  onProgress?: (progress: { bytes: number; totalBytes: number }) => void
  signal?: AbortSignal
}

/** A complete backup. Times in milliseconds since the epoch, sizes in bytes. */
export type EngineBackup = BackupSummary &
  (
    | { engine: 'native'; detail: BackupInfo }
    | { engine: 'logical'; detail: DumpInfo }
    | { engine: 'pgbackrest'; detail: PgBackRestBackup }
  )

export interface BackupSummary {
  id: string
  /** Empty without one. */
  label: string
  /** Of `recovery.backups`; absent when it was taken by hand. */
  rule?: string
  kind: 'full' | 'differential' | 'incremental' | 'dump'
  startedAt: number
  stoppedAt: number
  /** The first moment that can be restored from it; of a dump, the only one. */
  restoresFrom: number
  /** Of the data, before compression. */
  bytes: number
  /** What it takes in the store, WAL not counted. */
  storedBytes: number
  postgres: { version: string; major: number }
}

export interface EngineRestoreOptions {
  /** Data directory to be: absent or empty. */
  to: string
  /** Milliseconds since the epoch, by the clock of the server that was backed up; or everything there is. */
  at: 'latest' | number
  /** Id of the backup to begin with; the newest before the moment unless told. */
  backup?: string
  /** Of an engine that follows timelines itself: which; that of the backup told when an earlier restore left it behind, else the newest. */
  timeline?: number
  /** Hears, before anything is written, of another branch that may be meant by the same moment, where an engine can tell. */
  onLeftBranch?: (left: LeftBranch) => void
  /**
   * Of an engine that fetches WAL itself: all of it first, or the rest while `recover` runs, which is faster and needs the store then as well.
   * `first` unless told.
   */
  wal?: 'first' | 'meanwhile'
  /** Servers a dump is loaded with; `serverFor` finds them unless told. The same must be given to `recover`. */
  binaries?: Binaries
  onProgress?: (progress: { bytes: number; totalBytes: number }) => void
  signal?: AbortSignal
}

export type EngineRestore = RestoreSummary &
  (
    | { engine: 'native'; detail: RestoreResult }
    | { engine: 'logical'; detail: { tables: number; rows: number } }
    | { engine: 'pgbackrest'; detail: { segments: number } }
  )

export interface RestoreSummary {
  backup: EngineBackup
  at: 'latest' | number
  dataDirectory: string
  bytes: number
  tookMs: number
  /**
   * How much older the restored state is than the moment asked for, or than now for the latest, where the engine can only
   * restore moments of backups; 0 where it can restore any.
   */
  behindMs: number
  /** What was written and how it was checked, in a few words. */
  says: string
}
