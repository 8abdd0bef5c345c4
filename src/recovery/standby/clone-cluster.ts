import { createHash } from 'node:crypto'
import { chown, constants, type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { failure } from '../../errors.ts'
import type { Account } from '../../postgres/account.ts'
import type { ArchivePart } from '../backup/archive-parts.ts'
import { type ManifestFile, parseManifest } from '../backup/backup-manifest.ts'
import { baseBackupStream } from '../backup/backup-stream.ts'
import { readTar, type TarEntry } from '../backup/tar-reader.ts'
import { syncDirectory } from '../durable.ts'
import { identifyServer } from '../repository/server-identity.ts'
import { connectReplication } from '../wal/replication.ts'

/** Without it a directory is no cluster, so that no server can be started on half of one. */
const control = 'global/pg_control'
const unfinishedControl = 'global/pg_control.unfinished'
/** Files that wait for the disk at once while the next are written. */
const syncing = 32

export interface CloneOptions {
  /** URL of a role with REPLICATION on the primary. */
  url: string
  /** Absent, empty, or an earlier copy of the same cluster, of which only what differs is written. */
  directory: string
  /** Who owns the files; the account of this process unless told. */
  account: Account | undefined
  /** Makes the copy what it is to be, before it becomes a cluster. */
  settle(): Promise<void>
  onProgress?: (progress: { bytes: number; totalBytes: number }) => void
  signal?: AbortSignal
}

export interface Clone {
  systemIdentifier: string
  timeline: number
  files: number
  /** Of the primary's files, all of which were compared. */
  bytes: number
  /** Of them, what differed and was written. */
  writtenBytes: number
}

/**
 * Makes a directory a copy of a running primary: a base backup over the replication protocol, unpacked on the way. Every
 * file is checked against the manifest, and what the primary does not have is removed. Interrupted, the directory is no
 * cluster, and the call can be repeated. The WAL it needs must be kept by a slot from before the call.
 * @throws OBJECT_DAMAGED, BACKUP_TABLESPACES, POSTGRES_UNREACHABLE, or the signal's reason.
 */
export async function cloneCluster(options: CloneOptions): Promise<Clone> {
  const { directory, account, signal } = options
  signal?.throwIfAborted()
  const connection = await connectReplication(options.url, 'aval_clone')
  const cut = () => connection.destroy()
  signal?.addEventListener('abort', cut, { once: true })
  try {
    const identity = await identifyServer(connection)
    await mkdir(join(directory, 'global'), { recursive: true, mode: 0o700 })
    await rm(join(directory, control), { force: true })
    await syncDirectory(join(directory, 'global'))
    let totalBytes = 0
    const stream = baseBackupStream(
      connection,
      "BASE_BACKUP (LABEL 'aval standby', CHECKPOINT 'fast', PROGRESS true, WAL false, WAIT false, " +
        "MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256', TABLESPACE_MAP true)",
      {
        partBytes: Number.POSITIVE_INFINITY,
        onProgress: (bytes) => options.onProgress?.({ bytes, totalBytes: Math.max(bytes, totalBytes) }),
      },
    )
    const [[[, timeline] = []] = [], spaces = []] = await stream.before
    const foreign = spaces.flatMap(([oid, location]) => (oid ? [location ?? oid] : []))
    if (foreign.length > 0) throw failure('BACKUP_TABLESPACES', { locations: foreign.join(', ') })
    totalBytes = spaces.reduce((sum, [, , kilobytes]) => sum + Number(kilobytes ?? 0) * 1024, 0)
    const written = await unpack(whole(stream.parts), options)
    const manifest = parseManifest(await stream.manifest, 'the manifest of the primary')
    await stream.after
    compare(written.files, manifest)
    await removeOthers(directory, written)
    for (const made of written.directories) {
      if (account) await chown(made, account.uid, account.gid)
      await syncDirectory(made)
    }
    signal?.throwIfAborted()
    await options.settle()
    await rename(join(directory, unfinishedControl), join(directory, control))
    await syncDirectory(join(directory, dirname(control)))
    return {
      systemIdentifier: identity.systemIdentifier,
      timeline: Number(timeline),
      files: manifest.length,
      bytes: manifest.reduce((sum, file) => sum + file.bytes, 0),
      writtenBytes: written.bytes,
    }
  } catch (error) {
    throw signal?.aborted ? signal.reason : error
  } finally {
    signal?.removeEventListener('abort', cut)
    connection.destroy()
    await connection.close()
  }
}

async function* whole(parts: AsyncIterable<ArchivePart>): AsyncIterable<Uint8Array> {
  for await (const part of parts) yield* part.bytes
}

interface Unpacked {
  files: Map<string, ManifestFile>
  directories: Set<string>
  bytes: number
}

const archiveName = 'the base backup of the primary'

async function unpack(archive: AsyncIterable<Uint8Array>, options: CloneOptions): Promise<Unpacked> {
  const { directory, account, signal } = options
  const unpacked: Unpacked = { files: new Map(), directories: new Set([directory]), bytes: 0 }
  const syncs = new Set<Promise<void>>()
  const failures: unknown[] = []
  try {
    for await (const entry of readTar(archive, archiveName)) {
      signal?.throwIfAborted()
      if (failures.length > 0) break
      const path = safePath(entry.name)
      if (entry.type === 'directory') {
        await mkdir(join(directory, path), { recursive: true, mode: 0o700 })
        unpacked.directories.add(join(directory, path))
        continue
      }
      const handle = await open(
        join(directory, path === control ? unfinishedControl : path),
        constants.O_RDWR | constants.O_CREAT,
        0o600,
      )
      const file = await writeWhatDiffers(handle, path, entry).catch(async (error: unknown) => {
        await handle.close()
        throw error
      })
      unpacked.files.set(path, file)
      unpacked.bytes += file.written
      const sync = settleFile(handle, account, file.changed).catch((error: unknown) => {
        failures.push(error)
      })
      syncs.add(sync)
      void sync.then(() => syncs.delete(sync))
      if (syncs.size >= syncing) await Promise.race(syncs)
    }
  } finally {
    await Promise.all(syncs)
  }
  if (failures.length > 0) throw failures[0]
  return unpacked
}

/** In place: the directory is no cluster meanwhile, and what is there is a copy that will be compared again. */
async function writeWhatDiffers(
  handle: FileHandle,
  path: string,
  entry: TarEntry,
): Promise<ManifestFile & { written: number; changed: boolean }> {
  const { size } = await handle.stat()
  const hash = createHash('sha256')
  let [bytes, written] = [0, 0]
  for await (const part of entry.content) {
    hash.update(part)
    const same = bytes < size && (await holds(handle, bytes, part))
    if (!same) {
      await writeAll(handle, part, bytes)
      written += part.length
    }
    bytes += part.length
  }
  if (size > bytes) await handle.truncate(bytes)
  return { path, bytes, sha256: hash.digest('hex'), written, changed: written > 0 || size !== bytes || size === 0 }
}

async function holds(handle: FileHandle, at: number, bytes: Uint8Array): Promise<boolean> {
  const there = Buffer.allocUnsafe(bytes.length)
  for (let filled = 0; filled < there.length; ) {
    const { bytesRead } = await handle.read(there, filled, there.length - filled, at + filled)
    if (bytesRead === 0) return false
    filled += bytesRead
  }
  return there.equals(bytes)
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
}

async function settleFile(handle: FileHandle, account: Account | undefined, changed: boolean): Promise<void> {
  try {
    if (account) await handle.chown(account.uid, account.gid)
    if (changed) await handle.sync()
  } finally {
    await handle.close()
  }
}

function compare(found: ReadonlyMap<string, ManifestFile>, manifest: readonly ManifestFile[]): void {
  const damaged = (problem: string) => failure('OBJECT_DAMAGED', { object: archiveName, problem })
  for (const file of manifest) {
    const arrived = found.get(file.path)
    if (arrived === undefined) throw damaged(`it lacks ${file.path}, which the manifest names`)
    if (arrived.bytes !== file.bytes || arrived.sha256 !== file.sha256)
      throw damaged(`${file.path} in it is not what the manifest says`)
  }
  if (found.size !== manifest.length) throw damaged('it holds files that the manifest does not name')
}

/** What an earlier life left: WAL of its own, files of tables that are gone. */
async function removeOthers(directory: string, { files, directories }: Unpacked): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const full = join(entry.parentPath, entry.name)
    const path = full.slice(directory.length + 1)
    if (entry.isDirectory() ? directories.has(full) : files.has(path) || path === unfinishedControl) continue
    await rm(full, { recursive: true, force: true })
  }
}

function safePath(name: string): string {
  const path = name.replace(/^\.\//, '').replace(/\/$/, '')
  if (path.startsWith('/') || path.split('/').includes('..')) {
    throw failure('OBJECT_DAMAGED', { object: archiveName, problem: 'a path in its archive leaves the data directory' })
  }
  return path
}
