import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { failure } from '../errors.ts'
import { formatBytes } from '../plan/units.ts'
import type { BackupInfo } from './backup/backup-info.ts'
import { createBackup } from './backup/base-backup.ts'
import type { EngineBackup, Protection, RecoveryEngine } from './engine.ts'
import { listBackups } from './repository/list-backups.ts'
import type { Repository } from './repository/repository.ts'
import { verifyRepository } from './repository/verify.ts'
import { finishRestore } from './restore/finish-restore.ts'
import { restore } from './restore/restore.ts'
import { restoreWindow } from './restore/restore-point.ts'
import { noteChecked } from './retention/checked.ts'
import { rescueSpool } from './wal/spool-recovery.ts'
import { slotName, startWalReceiver, type WalReceiver } from './wal/wal-receiver.ts'

/**
 * Base backups and WAL over the replication protocol.
 * @param options.folder on this machine; the spool lies in it.
 */
export function nativeEngine(options: { repository: Repository; folder: string; clock: Clock }): RecoveryEngine {
  const { repository, folder, clock } = options
  /** Of this process, so that a backup waits for what it stores. */
  let receiver: WalReceiver | undefined
  return {
    name: 'native',
    pointInTime: true,
    repository,
    place: repository.store.place,
    serverSettings: {},
    protect: async (server, { onTrouble, heartbeatMs } = {}) => {
      const started = await startWalReceiver({
        url: server.url(),
        repository,
        spool: join(folder, 'spool'),
        slot: slotName(repository.system),
        clock,
        ...(onTrouble === undefined ? {} : { onTrouble }),
        ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
      })
      receiver = started
      return {
        heartbeat: started.heartbeat,
        waitUntilKept: ({ lsn }, timeoutMs) => started.waitUntilStored(lsn, timeoutMs),
        keptUntil: () => started.newestMark()?.at,
        stop: async () => {
          if (receiver === started) receiver = undefined
          await started.stop()
        },
      } satisfies Protection
    },
    backup: async ({ server, kind = 'full', label, rule, keep, onProgress, signal }) => {
      if (kind === 'differential') throw failure('BACKUP_KIND_UNSUPPORTED', { kind })
      return summarise(
        await createBackup({
          url: server.url(),
          repository,
          clock,
          kind,
          ...(receiver === undefined ? {} : { receiver }),
          ...(label === undefined ? {} : { label }),
          ...(rule === undefined ? {} : { rule }),
          ...(keep === undefined ? {} : { keep }),
          ...(onProgress === undefined ? {} : { onProgress }),
          ...(signal === undefined ? {} : { signal }),
        }),
      )
    },
    list: async (options) => (await listBackups(repository, options)).map(summarise),
    window: () => restoreWindow(repository),
    rescue: async () => {
      await rescueSpool({ repository, spool: join(folder, 'spool') })
    },
    restore: async (wanted) => {
      const result = await restore({ repository, clock, ...wanted })
      const { at, dataDirectory, bytes, tookMs, files } = result
      return {
        engine: 'native',
        detail: result,
        backup: summarise(result.backup),
        at,
        dataDirectory,
        bytes,
        tookMs,
        behindMs: 0,
        says: `${files} files, ${formatBytes(bytes)}, each checked`,
      }
    },
    recover: (wanted) => finishRestore({ repository, ...wanted }),
    verify: async (wanted) => {
      const report = await verifyRepository(repository, wanted)
      // A repository that may only be read is verified all the same.
      await noteChecked(repository, report, clock.now()).catch(() => undefined)
      return report
    },
  }
}

function summarise(info: BackupInfo): EngineBackup {
  return {
    engine: 'native',
    detail: info,
    id: info.id,
    label: info.label,
    ...(info.rule === undefined ? {} : { rule: info.rule }),
    kind: info.parent === undefined ? 'full' : 'incremental',
    startedAt: info.startedAt,
    stoppedAt: info.stoppedAt,
    restoresFrom: info.stoppedAt,
    bytes: info.databaseBytes,
    storedBytes: info.archives.reduce((sum, { storedBytes }) => sum + storedBytes, info.manifest.storedBytes),
    postgres: info.postgres,
  }
}
