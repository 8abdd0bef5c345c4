import { resolve } from 'node:path'
import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { formatBytes } from '../../plan/units.ts'
import type { Server } from '../../postgres/server.ts'
import type { Protection, RecoveryEngine } from '../engine.ts'
import type { Repository } from '../repository/repository.ts'
import { finishRestore } from '../restore/finish-restore.ts'
import { watchArchive } from './archive-watch.ts'
import { readBackups } from './backup-info.ts'
import { readKeptMark } from './kept-mark.ts'
import { removeRecoveryLines, restoreBackup, windowOf } from './restore-backup.ts'
import { archiveCommand, attachServer } from './server-archive.ts'
import { openStanza } from './stanza.ts'
import { verifyStanza } from './verify-stanza.ts'

const types = { full: 'full', differential: 'diff', incremental: 'incr' } as const

/** How long the archive may take to have what a backup needs restored, milliseconds. */
const keepMs = 60_000

/**
 * pgBackRest, for large clusters whose files it can read: it runs on the machine of the server, as the account of the server, and keeps its
 * own repository beside that of Aval.
 * @param options.folder on this machine, for its configuration.
 * @throws PGBACKREST_MISSING, ENGINE_STORE_UNSUPPORTED.
 */
export async function pgBackRestEngine(options: {
  repository: Repository
  folder: string
  clock: Clock
}): Promise<RecoveryEngine> {
  const { repository, clock } = options
  const stanza = await openStanza({ repository, folder: resolve(options.folder) })
  const watch = (server: Server, heartbeatMs: number, onTrouble?: (error: unknown) => void) =>
    watchArchive({ server, repository, clock, heartbeatMs, onTrouble })
  return {
    name: 'pgbackrest',
    pointInTime: true,
    repository,
    place: stanza.place,
    serverSettings: {
      archive_mode: 'on',
      archive_command: archiveCommand(stanza),
      // Only whole segments are handed over: so much is lost with the server at most.
      archive_timeout: 60,
    },
    protect: async (server, { onTrouble, heartbeatMs = 1_000 } = {}): Promise<Protection> => {
      await attachServer(stanza, server)
      return watch(server, heartbeatMs, onTrouble)
    },
    backup: async ({ server, label, rule, keep, kind = 'full', signal }) => {
      await attachServer(stanza, server, { attached: true, signal })
      const noted = Object.entries({ label, rule, keep }).filter(([, value]) => value !== undefined && value !== '')
      const annotation = noted.map(([name, value]) => `--annotation=${name}=${value}`)
      const config = stanza.serverConfig
      await stanza.run(['backup', `--type=${types[kind]}`, ...annotation], { config, signal })
      const taken = (await readBackups(stanza)).at(-1)
      if (!taken) throw failure('UNEXPECTED', { problem: 'pgBackRest does not list the backup it made' })
      // A moment after the end, so that the end itself can be restored to.
      const watching = await watch(server, 0)
      try {
        while ((await watching.heartbeat()).at <= taken.restoresFrom) await clock.sleep(100, signal)
        await watching.waitUntilKept(await watching.heartbeat(), keepMs)
      } finally {
        await watching.stop()
      }
      return taken
    },
    list: () => readBackups(stanza),
    window: async () => windowOf(await readBackups(stanza), await readKeptMark(repository)),
    rescue: async () => {},
    restore: async ({ to, at, backup: id, signal }) => {
      const { backup, dataDirectory, segments, tookMs } = await restoreBackup({
        stanza,
        repository,
        clock,
        to,
        at,
        backup: id,
        signal,
      })
      return {
        engine: 'pgbackrest',
        detail: { segments },
        backup,
        at,
        dataDirectory,
        bytes: backup.bytes,
        tookMs,
        behindMs: 0,
        says: `${formatBytes(backup.bytes)} restored and checked by pgBackRest, the WAL after it there without a hole`,
      }
    },
    recover: async (wanted) => {
      const server = await finishRestore(wanted)
      await removeRecoveryLines(server.dataDirectory)
      return server
    },
    verify: ({ signal } = {}) => verifyStanza(stanza, repository, signal),
  }
}
