import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { BackupInfo } from './backup-info.ts'
import { createBackup } from './base-backup.ts'
import type { EngineBackup, Protection, RecoveryEngine } from './engine.ts'
import { finishRestore } from './finish-restore.ts'
import { listBackups } from './list-backups.ts'
import type { Repository } from './repository.ts'
import { restore } from './restore.ts'
import { restoreWindow } from './restore-point.ts'
import { verifyRepository } from './verify.ts'
import { slotName, startWalReceiver, type WalReceiver } from './wal-receiver.ts'

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
    backup: async ({ server, label, rule, keep, onProgress, signal }) =>
      summarise(
        await createBackup({
          url: server.url(),
          repository,
          clock,
          ...(receiver === undefined ? {} : { receiver }),
          ...(label === undefined ? {} : { label }),
          ...(rule === undefined ? {} : { rule }),
          ...(keep === undefined ? {} : { keep }),
          ...(onProgress === undefined ? {} : { onProgress }),
          ...(signal === undefined ? {} : { signal }),
        }),
      ),
    list: async () => (await listBackups(repository)).map(summarise),
    window: () => restoreWindow(repository),
    restore: async (wanted) => {
      const result = await restore({ repository, clock, ...wanted })
      const { at, dataDirectory, bytes, tookMs, files, walSegments, endLsn } = result
      return {
        engine: 'native',
        detail: result,
        backup: summarise(result.backup),
        at,
        dataDirectory,
        bytes,
        tookMs,
        behindMs: 0,
        says: `${files} files, each checked against its SHA-256, and ${walSegments} WAL segments up to ${endLsn}`,
      }
    },
    recover: (wanted) => finishRestore({ repository, ...wanted }),
    verify: (wanted) => verifyRepository(repository, wanted),
  }
}

function summarise(info: BackupInfo): EngineBackup {
  return {
    engine: 'native',
    detail: info,
    id: info.id,
    label: info.label,
    ...(info.rule === undefined ? {} : { rule: info.rule }),
    kind: 'full',
    startedAt: info.startedAt,
    stoppedAt: info.stoppedAt,
    restoresFrom: info.stoppedAt,
    bytes: info.databaseBytes,
    storedBytes: info.archives.reduce((sum, { storedBytes }) => sum + storedBytes, info.manifest.storedBytes),
    postgres: info.postgres,
  }
}
