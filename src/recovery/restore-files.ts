import { createHash } from 'node:crypto'
import { chown, type FileHandle, mkdir, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { failure } from '../errors.ts'
import type { Account } from '../postgres/account.ts'
import type { ManifestFile } from './backup-manifest.ts'
import { syncDirectory } from './durable.ts'
import type { ByteStream } from './store.ts'
import { readTar, type TarEntry } from './tar-reader.ts'

/** Without it a directory is no cluster, so that a server cannot be started on half of one. */
const control = 'global/pg_control'
const unfinishedControl = 'global/pg_control.unfinished'

/** Files that wait for the disk at once while the next are written. */
const syncing = 32

export interface UnpackOptions {
  archive: ByteStream
  /** What the archive is called in errors. */
  object: string
  manifest: readonly ManifestFile[]
  directory: string
  /** Who owns the files; the account of this process unless told. */
  account: Account | undefined
  onBytes?: (bytes: number) => void
  signal?: AbortSignal
}

export interface Unpacked {
  /** Puts the last file in its place, which makes the directory a cluster. */
  finish(): Promise<void>
}

/**
 * Writes the files of a backup, each checked against the manifest while it is written and synced. All but the last step: the
 * directory is no cluster before `finish`.
 * @throws OBJECT_DAMAGED naming the file that is not what the manifest says.
 */
export async function unpackBackup(options: UnpackOptions): Promise<Unpacked> {
  const { directory, object, signal } = options
  const wanted = new Map(options.manifest.map((file) => [file.path, file]))
  const directories = new Set([directory])
  const syncs = new Set<Promise<void>>()
  const failures: unknown[] = []
  try {
    for await (const entry of readTar(options.archive, object)) {
      signal?.throwIfAborted()
      if (failures.length > 0) break
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
      const target = join(directory, path === control ? unfinishedControl : path)
      const handle = await open(target, 'wx', 0o600)
      await writeChecked(handle, entry, file, options).catch(async (error: unknown) => {
        await handle.close()
        throw error
      })
      const sync = settle(handle, options.account).catch((error: unknown) => {
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
  for (const path of wanted.keys()) {
    throw failure('OBJECT_DAMAGED', { object, problem: `it lacks ${path}, which the manifest names` })
  }
  for (const made of directories) {
    if (options.account) await chown(made, options.account.uid, options.account.gid)
    await syncDirectory(made)
  }
  return {
    finish: async () => {
      await rename(join(directory, unfinishedControl), join(directory, control))
      await syncDirectory(join(directory, dirname(control)))
    },
  }
}

async function writeChecked(
  handle: FileHandle,
  entry: TarEntry,
  file: ManifestFile,
  { object, onBytes }: UnpackOptions,
): Promise<void> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const part of entry.content) {
    hash.update(part)
    bytes += part.length
    await handle.writeFile(part)
    onBytes?.(part.length)
  }
  if (bytes !== file.bytes || hash.digest('hex') !== file.sha256) {
    throw failure('OBJECT_DAMAGED', { object, problem: `${file.path} in it is not what the manifest says` })
  }
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
