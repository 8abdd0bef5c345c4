import { join } from 'node:path'
import { type Clock, timestamp } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { formatBytes } from '../../plan/units.ts'
import { connect } from '../../postgres/connection.ts'
import type { EngineBackup, Protection, RecoveryEngine } from '../engine.ts'
import type { Repository } from '../repository/repository.ts'
import { verifyRepository } from '../repository/verify.ts'
import { finishRestore } from '../restore/finish-restore.ts'
import { serverForBackup } from '../restore/server-for-backup.ts'
import { beat } from '../wal/heartbeat.ts'
import { createDump } from './create-dump.ts'
import type { DumpInfo } from './dump-info.ts'
import { contentsInspector } from './inspect-contents.ts'
import { dumpWindow, listDumps } from './list-dumps.ts'
import { restoreDump } from './restore-dump.ts'

/**
 * Dumps by `pg_dump`, loaded by `pg_restore`: for servers that give nobody their files or their WAL. What was committed after the newest
 * dump is lost with the server.
 * @param options.folder on this machine; files of a dump lie below it in the clear while it is made or loaded.
 */
export function logicalEngine(options: { repository: Repository; folder: string; clock: Clock }): RecoveryEngine {
  const { repository, clock } = options
  const folder = join(options.folder, 'dumps')
  return {
    name: 'logical',
    pointInTime: false,
    repository,
    place: repository.store.place,
    serverSettings: {},
    protect: async (server) => {
      // To be told at once when there is no server, as the other engines do.
      const client = await connect(server.url())
      let newest = (await listDumps(repository)).at(-1)?.holdsAllUntil
      const look = async () => {
        newest = (await listDumps(repository)).at(-1)?.holdsAllUntil
        return newest
      }
      return {
        heartbeat: () => beat(client),
        keptUntil: () => newest,
        waitUntilKept: async ({ at }, timeoutMs) => {
          const deadline = clock.now() + timeoutMs
          for (;;) {
            const until = await look()
            if (until !== undefined && until >= at) return
            if (clock.now() >= deadline) {
              const kept = until === undefined ? 'no moment yet' : timestamp(until)
              throw failure('ENGINE_NOT_KEPT', { at: timestamp(at), seconds: timeoutMs / 1000, kept })
            }
            await clock.sleep(Math.min(500, timeoutMs))
          }
        },
        stop: () => client.end().catch(() => undefined),
      } satisfies Protection
    },
    backup: async ({ server, label, rule, keep, onProgress, signal }) =>
      summarise(await createDump({ server, repository, clock, folder, label, rule, keep, onProgress, signal })),
    list: async () => (await listDumps(repository)).map(summarise),
    window: async () => dumpWindow(await listDumps(repository)),
    rescue: async () => {},
    restore: async ({ to, at, backup, binaries, onProgress, signal }) => {
      const result = await restoreDump({
        repository,
        clock,
        folder,
        to,
        at,
        backup,
        binaries: async (dump) => binaries ?? (await serverForBackup(summarise(dump))),
        onProgress,
        signal,
      })
      const { dump, dataDirectory, tables, rows, tookMs } = result
      return {
        engine: 'logical',
        detail: { tables, rows },
        backup: summarise(dump),
        at,
        dataDirectory,
        bytes: dump.dumpBytes,
        tookMs,
        behindMs: Math.max(0, (at === 'latest' ? clock.now() : at) - dump.holdsAllUntil),
        says: `${rows} rows of ${tables} tables, ${formatBytes(dump.dumpBytes)}, counted and summed as when they were dumped`,
      }
    },
    recover: finishRestore,
    verify: (wanted = {}) => verifyRepository(repository, { inspectDump: contentsInspector(folder), ...wanted }),
  }
}

function summarise(dump: DumpInfo): EngineBackup {
  return {
    engine: 'logical',
    detail: dump,
    id: dump.id,
    label: dump.label,
    ...(dump.rule === undefined ? {} : { rule: dump.rule }),
    kind: 'dump',
    startedAt: dump.startedAt,
    stoppedAt: dump.stoppedAt,
    restoresFrom: dump.holdsNoneAfter,
    bytes: dump.dumpBytes,
    storedBytes: dump.storedBytes,
    postgres: dump.postgres,
  }
}
