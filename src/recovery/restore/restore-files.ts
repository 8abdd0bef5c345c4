import { createHash } from 'node:crypto'
import { chown, type FileHandle, mkdir, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AvalError, failure, messageOf } from '../../errors.ts'
import type { Account } from '../../postgres/account.ts'
import type { ManifestFile } from '../backup/backup-manifest.ts'
import { patchedPath, patchFile } from '../backup/incremental-file.ts'
import { readTar, type TarEntry } from '../backup/tar-reader.ts'
import { isErrno, syncDirectory } from '../durable.ts'
import { threads } from '../repository/object-thread.ts'
import type { ByteStream } from '../stores/store.ts'

/** Without it a directory is no cluster, so that a server cannot be started on half of one. */
const control = 'global/pg_control'
const unfinishedControl = 'global/pg_control.unfinished'

/** Files that wait for the disk at once while the next are written. */
const syncing = 32

/** Bytes of a file after which the disk is set to work, so that the end of a large one is not waited for in one piece. */
const syncEvery = 33_554_432

/** Parts that are unpacked side by side: as many as there are threads to open them. */
const lanes = threads

/** A part of the archive of a backup. */
export interface ArchiveSource {
  /** What it is called in errors. */
  object: string
  open(): Promise<ByteStream>
}

export interface UnpackOptions {
  archives: readonly ArchiveSource[]
  manifest: readonly ManifestFile[]
  directory: string
  /** Who owns the files; the account of this process unless told. */
  account: Account | undefined
  /** What the backup before left there is brought to the state of this one: files are written over or patched. The directory is new unless told. */
  onto?: true
  onBytes?: (bytes: number) => void
  signal?: AbortSignal
}

export interface Unpacked {
  /** Directories the backup has, the data directory among them. */
  directories: ReadonlySet<string>
  /** Files that were patched and are other than before, relative to the data directory. */
  patched: readonly string[]
  /** Puts the last file in its place, which makes the directory a cluster. */
  finish(): Promise<void>
}

/**
 * Writes the files of a backup, each checked against the manifest while it is written and synced. All but the last step: the
 * directory is no cluster before `finish`.
 * @throws OBJECT_DAMAGED naming the file that is not what the manifest says.
 */
export async function unpackBackup(options: UnpackOptions): Promise<Unpacked> {
  const { directory, manifest } = options
  const work: Work = {
    wanted: new Map(manifest.map((file) => [file.path, file])),
    directories: new Set([directory]),
    syncs: new Set(),
    patched: [],
    failures: [],
  }
  const queue = [...options.archives]
  const lane = async () => {
    for (let archive = queue.shift(); archive && work.failures.length === 0; archive = queue.shift()) {
      await unpackArchive(archive, work, options).catch((error: unknown) => {
        work.failures.push(error)
      })
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  await Promise.all(work.syncs)
  if (work.failures.length > 0) throw work.failures[0]
  for (const path of work.wanted.keys()) {
    const object = options.archives.at(-1)?.object ?? ''
    throw failure('OBJECT_DAMAGED', { object, problem: `it lacks ${path}, which the manifest names` })
  }
  for (const made of work.directories) {
    if (options.account) await chown(made, options.account.uid, options.account.gid)
    await syncDirectory(made)
  }
  return {
    directories: work.directories,
    patched: work.patched,
    finish: async () => {
      await rename(join(directory, unfinishedControl), join(directory, control))
      await syncDirectory(join(directory, dirname(control)))
    },
  }
}

/** What the lanes of one restore share. */
interface Work {
  /** Files of the manifest that were not met yet. */
  wanted: Map<string, ManifestFile>
  directories: Set<string>
  syncs: Set<Promise<void>>
  patched: string[]
  failures: unknown[]
}

async function unpackArchive(
  { object, open: openArchive }: ArchiveSource,
  work: Work,
  options: UnpackOptions,
): Promise<void> {
  const { directory, account, signal } = options
  const { wanted, directories, syncs, patched, failures } = work
  for await (const entry of readTar(await openArchive(), object)) {
    signal?.throwIfAborted()
    if (failures.length > 0) return
    const path = safePath(entry.name, object)
    if (entry.type === 'directory') {
      await mkdir(join(directory, path), { recursive: true, mode: 0o700 })
      directories.add(join(directory, path))
      continue
    }
    const file = wanted.get(path)
    if (!file)
      throw failure('OBJECT_DAMAGED', { object, problem: `it holds ${path}, which the manifest does not name` })
    wanted.delete(path)
    const before = options.onto && patchedPath(path)
    const target = join(directory, before ?? (path === control ? unfinishedControl : path))
    const parent = dirname(target)
    if (!directories.has(parent)) {
      // Its entry stands in a part that another lane has not come to yet.
      await mkdir(parent, { recursive: true, mode: 0o700 })
      directories.add(parent)
    }
    const flags = before === undefined ? (options.onto ? 'w' : 'wx') : 'r+'
    const handle = await open(target, flags, 0o600).catch((error: unknown) => {
      if (before === undefined || !isErrno(error, 'ENOENT')) throw error
      throw failure('OBJECT_DAMAGED', {
        object,
        problem: `it changes ${before}, which the backup before does not have`,
      })
    })
    const writing = before === undefined ? writeChecked : patchChecked
    const changed = await writing(handle, entry, file, object, options).catch(async (error: unknown) => {
      await handle.close()
      throw error
    })
    if (!changed) {
      await handle.close()
      continue
    }
    if (before !== undefined) patched.push(before)
    const sync = settle(handle, account).catch((error: unknown) => {
      failures.push(error)
    })
    syncs.add(sync)
    void sync.then(() => syncs.delete(sync))
    if (syncs.size >= syncing) await Promise.race(syncs)
  }
}

async function writeChecked(
  handle: FileHandle,
  entry: TarEntry,
  file: ManifestFile,
  object: string,
  { onBytes }: UnpackOptions,
): Promise<boolean> {
  const hash = createHash('sha256')
  let bytes = 0
  let unsynced = 0
  let syncing: Promise<void> | undefined
  for await (const part of entry.content) {
    const writing = handle.write(part)
    // While the disk takes it; a failure of either ends both.
    hash.update(part)
    let { bytesWritten } = await writing
    while (bytesWritten < part.length) bytesWritten += (await handle.write(part, bytesWritten)).bytesWritten
    bytes += part.length
    unsynced += part.length
    onBytes?.(part.length)
    if (unsynced < syncEvery) continue
    unsynced = 0
    await syncing
    syncing = handle.datasync()
    syncing.catch(() => undefined)
  }
  await syncing
  if (bytes !== file.bytes || hash.digest('hex') !== file.sha256) {
    throw failure('OBJECT_DAMAGED', { object, problem: `${file.path} in it is not what the manifest says` })
  }
  return true
}

/** @returns whether the file is other than before. */
async function patchChecked(
  handle: FileHandle,
  entry: TarEntry,
  file: ManifestFile,
  object: string,
  { onBytes }: UnpackOptions,
): Promise<boolean> {
  const hash = createHash('sha256')
  async function* counted(): ByteStream {
    for await (const part of entry.content) {
      hash.update(part)
      onBytes?.(part.length)
      yield part
    }
  }
  const wrong = (problem: string) => failure('OBJECT_DAMAGED', { object, problem })
  const { changed } = await patchFile(handle, counted()).catch((error: unknown) => {
    throw error instanceof AvalError ? error : wrong(`${file.path} in it cannot be used: ${messageOf(error)}`)
  })
  if (entry.bytes !== file.bytes || hash.digest('hex') !== file.sha256)
    throw wrong(`${file.path} in it is not what the manifest says`)
  return changed
}

async function settle(handle: FileHandle, account: Account | undefined): Promise<void> {
  try {
    if (account) await handle.chown(account.uid, account.gid)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function safePath(name: string, object: string): string {
  const path = name.replace(/^\.\//, '').replace(/\/$/, '')
  if (path.startsWith('/') || path.split('/').includes('..')) {
    throw failure('OBJECT_DAMAGED', { object, problem: 'a path in its archive leaves the data directory' })
  }
  return path
}
