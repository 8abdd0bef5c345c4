import { chown, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { serverAccount } from '../../postgres/account.ts'
import type { Binaries } from '../../postgres/binaries.ts'
import { withClient } from '../../postgres/connection.ts'
import { startServer } from '../../postgres/launch.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { syncDirectory } from '../durable.ts'
import { erasuresToRepeat } from '../erasures/journal.ts'
import type { Repository } from '../repository/repository.ts'
import { markPending } from '../restore/pending-restore.ts'
import { requireRoom } from '../restore/restore.ts'
import { claimTarget } from '../restore/restore-target.ts'
import { runTool } from '../run-tool.ts'
import { type ClientTools, findClientTools } from './client-tools.ts'
import { unpackDumpFiles } from './dump-files.ts'
import type { DumpInfo } from './dump-info.ts'
import { type DumpManifest, readDumpManifest } from './dump-manifest.ts'
import { findDump } from './list-dumps.ts'
import { privateFolder } from './private-folder.ts'
import { makeRoles } from './roles.ts'
import { compareSums, sumTables } from './table-sums.ts'
import { toolConnection, withoutRows } from './tool-connection.ts'

export interface RestoreDumpOptions {
  repository: Repository
  clock: Clock
  folder: string
  /** Data directory to be: absent or empty. */
  to: string
  at: 'latest' | number
  backup?: string | undefined
  /** A server of the dump's version or a newer one. */
  binaries: (dump: DumpInfo) => Promise<Binaries>
  onProgress?: ((progress: { bytes: number; totalBytes: number }) => void) | undefined
  signal?: AbortSignal | undefined
}

export interface RestoredDump {
  dump: DumpInfo
  dataDirectory: string
  tables: number
  rows: number
  tookMs: number
}

/** An empty cluster with its first WAL. */
const clusterBytes = 64 * 2 ** 20

/** Loading processes at once. */
const jobs = 2

/**
 * Makes a new cluster and loads a dump into it: roles without passwords, then every database as it was, its rows held against what was
 * counted and summed when it was dumped. Loading in parallel is not one transaction: the cluster is built beside its place and moved there only
 * when every row was found, so that the directory holds all of the dump or nothing.
 * @throws RESTORE_*, BACKUP_*, DUMP_TOOLS_MISSING, POSTGRES_NOT_FOUND, POSTGRES_EXTENSION_MISSING, ENGINE_TOOL_FAILED, OBJECT_*, or the
 * signal's reason.
 */
export async function restoreDump(options: RestoreDumpOptions): Promise<RestoredDump> {
  const { repository, clock, signal } = options
  const began = clock.now()
  signal?.throwIfAborted()
  const dump = await findDump(repository, options.at, options.backup)
  const manifest = await readDumpManifest(repository, dump)
  const tools = await findClientTools(dump.tools.major)
  const binaries = await options.binaries(dump)
  const erasures = await erasuresToRepeat(repository)
  const target = await claimTarget(options.to, dump.id)
  let server: OwnedServer | undefined
  try {
    // The rows once, their indexes about as much again.
    await requireRoom(dirname(target.directory), 2 * dump.dumpBytes + clusterBytes)
    await using files = await privateFolder({ folder: options.folder, expected: dump.dumpBytes })
    let bytes = 0
    const onBytes = (more: number) => {
      bytes += more
      options.onProgress?.({ bytes, totalBytes: dump.dumpBytes })
    }
    await unpackDumpFiles({ repository, packs: manifest.packs, folder: files.path, onBytes, signal })
    // Its server must reach the draft, which lies in a folder made for this restore alone.
    const account = serverAccount()
    const draft = join(target.wal, 'data')
    if (account) await chown(target.wal, account.uid, account.gid)
    const started = await startServer({ dataDirectory: draft, binaries, clock })
    server = started
    await load({ server: started, manifest, folder: files.path, tools, signal })
    await compare(started, dump, manifest, signal)
    await started.stop('fast')
    server = undefined
    await markPending(draft, target.wal, account, erasures)
    await syncDirectory(draft)
    await rename(draft, target.directory)
    await syncDirectory(dirname(target.directory))
    await target.keep()
    return {
      dump,
      dataDirectory: target.directory,
      tables: dump.databases.reduce((sum, { tables }) => sum + tables, 0),
      rows: dump.databases.reduce((sum, { rows }) => sum + rows, 0),
      tookMs: clock.now() - began,
    }
  } catch (error) {
    await server?.stop('immediate')
    await target.discard()
    throw error
  }
}

async function load(options: {
  server: OwnedServer
  manifest: DumpManifest
  folder: string
  tools: ClientTools
  signal: AbortSignal | undefined
}): Promise<void> {
  const { server, manifest, folder, tools, signal } = options
  await withClient(server.url(), async (client) => {
    const wanted = [...new Set(manifest.databases.flatMap(({ extensions }) => extensions))]
    const { rows } = await client.query<{ name: string }>(
      'SELECT name FROM pg_available_extensions WHERE name = ANY($1)',
      [wanted],
    )
    const missing = wanted.filter((name) => !rows.some((row) => row.name === name))
    if (missing.length > 0) {
      throw failure('POSTGRES_EXTENSION_MISSING', { version: server.version, names: missing.join(', ') })
    }
    await makeRoles(client, manifest.roles)
  })
  for (const [number, { name }] of manifest.databases.entries()) {
    // Its own name in every cluster is there already; any other is made as it was, with owner, locale and settings.
    const create = name === 'postgres' ? [] : ['--create']
    const { argument, env } = toolConnection(server.url())
    await runTool({
      program: join(tools.directory, 'pg_restore'),
      args: [
        argument,
        ...create,
        '--exit-on-error',
        '--no-tablespaces',
        '--no-password',
        `--jobs=${jobs}`,
        join(folder, String(number)),
      ],
      // Until the end nothing counts, so that no commit needs to wait for the disk.
      env: { ...env, PGOPTIONS: '-c synchronous_commit=off -c maintenance_work_mem=128MB' },
      signal,
      show: withoutRows,
    })
  }
}

/** @throws RESTORE_ROWS_DIFFER naming the tables. */
async function compare(
  server: OwnedServer,
  dump: DumpInfo,
  manifest: DumpManifest,
  signal: AbortSignal | undefined,
): Promise<void> {
  const differences: string[] = []
  for (const { name, tables } of manifest.databases) {
    await withClient(server.url({ database: name }), async (client) => {
      differences.push(...compareSums(tables, await sumTables(client, signal)))
      // A dump carries no statistics, and the first queries after a restore need them.
      await client.query('ANALYZE')
    })
  }
  if (differences.length === 0) return
  const shown = differences.length > 5 ? [...differences.slice(0, 5), `${differences.length - 5} more`] : differences
  throw failure('RESTORE_ROWS_DIFFER', { backup: dump.id, differences: shown.join('; ') })
}
