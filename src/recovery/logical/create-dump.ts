import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { withClient } from '../../postgres/connection.ts'
import type { Server } from '../../postgres/server.ts'
import { once, type Repository } from '../repository/repository.ts'
import { runTool } from '../run-tool.ts'
import { serverTime } from '../wal/heartbeat.ts'
import { type ClientTools, findClientTools } from './client-tools.ts'
import { type DatabaseSnapshot, databasesOf, openSnapshot } from './database-snapshot.ts'
import { storeDumpFiles } from './dump-files.ts'
import type { DumpInfo } from './dump-info.ts'
import { dumpLayout } from './dump-layout.ts'
import type { DumpManifest } from './dump-manifest.ts'
import { privateFolder } from './private-folder.ts'
import { readRoles } from './roles.ts'
import { toolConnection, withoutRows } from './tool-connection.ts'

export interface DumpOptions {
  server: Server
  repository: Repository
  clock: Clock
  /** Folder on this machine for the files while they are written: in the clear, for this account alone, removed afterwards. */
  folder: string
  label?: string | undefined
  rule?: string | undefined
  keep?: 'forever' | number | undefined
  onProgress?: ((progress: { bytes: number; totalBytes: number }) => void) | undefined
  signal?: AbortSignal | undefined
}

/** Connections and processes that read one database at once. */
const jobs = 2

/**
 * Dumps every database of a server that the role of its URL may read, under a snapshot of each; needs no more than what `pg_dump` needs. It
 * exists only once all of it is in the repository; whatever a dump that failed had written is removed.
 * @throws DUMP_TOOLS_MISSING, ENGINE_TOOL_FAILED, POSTGRES_UNREACHABLE, STORE_FULL, or the signal's reason.
 */
export async function createDump(options: DumpOptions): Promise<DumpInfo> {
  const { server, repository, clock, signal, label = '' } = options
  signal?.throwIfAborted()
  const tools = await findClientTools(server.major)
  const id = `${new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(4).toString('hex')}`
  await using undo = new AsyncDisposableStack()
  const databases = await databasesOf(server)
  const expected = databases.reduce((sum, { bytes }) => sum + bytes, 0)
  const folder = undo.use(await privateFolder({ folder: options.folder, expected }))

  const startedAt = await serverTime(server.url())
  const holdsAllUntil = Math.floor(startedAt) - 1
  const roles = await withClient(server.url(), readRoles)
  const snapshots: DatabaseSnapshot[] = []
  for (const { name } of databases) {
    const snapshot = await openSnapshot(server, name)
    undo.defer(snapshot.close)
    snapshots.push(snapshot)
  }
  const holdsNoneAfter = await serverTime(server.url())

  const described: DumpManifest['databases'] = []
  for (const [number, snapshot] of snapshots.entries()) {
    const target = join(folder.path, String(number))
    const tables = await together(signal, snapshot.sums, (ending) => dumpDatabase(tools, snapshot, target, ending))
    described.push({ name: snapshot.database, extensions: snapshot.extensions, tables })
    await snapshot.close()
  }
  const stoppedAt = await serverTime(server.url())

  let bytes = 0
  const onBytes = (more: number) => {
    bytes += more
    options.onProgress?.({ bytes, totalBytes: Math.max(bytes, expected) })
  }
  try {
    const count = databases.length
    const { packs, storedBytes } = await storeDumpFiles({
      repository,
      id,
      folder: folder.path,
      databases: count,
      onBytes,
      signal,
    })
    const manifest = Buffer.from(
      JSON.stringify({ format: 1, roles, databases: described, packs } satisfies DumpManifest),
    )
    const kept = await repository.put(dumpLayout.manifest(id), once(manifest))
    const info: DumpInfo = {
      format: 1,
      id,
      label,
      ...(options.rule === undefined ? {} : { rule: options.rule }),
      ...(options.keep === undefined ? {} : { keep: options.keep }),
      system: repository.system,
      startedAt,
      holdsAllUntil,
      holdsNoneAfter,
      stoppedAt,
      postgres: { version: server.version, major: server.major },
      tools: { version: tools.version, major: tools.major },
      databases: described.map(({ name, tables }) => ({
        name,
        tables: tables.length,
        rows: tables.reduce((sum, { rows }) => sum + rows, 0),
      })),
      files: packs.reduce((sum, { files }) => sum + files.length, 0),
      dumpBytes: bytes,
      storedBytes: storedBytes + kept.storedBytes,
      manifest: { key: kept.key, digest: repository.digest(manifest) },
    }
    signal?.throwIfAborted()
    const text = Buffer.from(JSON.stringify(info))
    await repository.put(dumpLayout.dump(id), once(text))
    const fingerprint = Buffer.from(repository.digest(text))
    await repository.put(dumpLayout.listed(id), once(fingerprint), { digest: repository.digest(fingerprint) })
    return info
  } catch (error) {
    await deleteDump(repository, id)
    throw error
  }
}

/** Both, or neither: the first that fails ends the other. */
async function together<T>(
  signal: AbortSignal | undefined,
  sum: (ending: AbortSignal) => Promise<T>,
  dump: (ending: AbortSignal) => Promise<void>,
): Promise<T> {
  const failed = new AbortController()
  const ending = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal
  const stop = (error: unknown) => {
    failed.abort(error)
    throw error
  }
  const [sums, dumped] = await Promise.allSettled([sum(ending).catch(stop), dump(ending).catch(stop)])
  if (sums.status === 'rejected' || dumped.status === 'rejected') throw ending.reason
  return sums.value
}

async function dumpDatabase(
  tools: ClientTools,
  snapshot: DatabaseSnapshot,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { argument, env } = toolConnection(snapshot.url)
  await runTool({
    program: join(tools.directory, 'pg_dump'),
    args: [
      argument,
      `--file=${folder}`,
      `--snapshot=${snapshot.name}`,
      `--jobs=${jobs}`,
      '--format=directory',
      // Objects are compressed before they are sealed.
      '--compress=0',
      '--no-password',
      '--no-sync',
    ],
    env,
    signal,
    show: withoutRows,
  })
}

/**
 * Removes a dump: its fingerprint first, or its removal would be told as a loss, then that which makes it one, so that a crash on the way
 * leaves none that looks whole.
 */
export async function deleteDump(repository: Repository, id: string): Promise<void> {
  await repository.store.delete(dumpLayout.listed(id))
  await repository.store.delete(dumpLayout.dump(id))
  const keys: string[] = []
  for await (const { key } of repository.store.list(dumpLayout.of(id))) keys.push(key)
  for (const key of keys) await repository.store.delete(key)
}
