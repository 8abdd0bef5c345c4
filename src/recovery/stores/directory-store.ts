import { randomBytes } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { type FileHandle, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { failure } from '../../errors.ts'
import { isErrno, syncDirectory } from '../durable.ts'
import { type ByteStream, checkKey, type PutResult, type Store, type StoredEntry } from './store.ts'

/** Unfinished objects wait here, on the same file system as the finished ones. */
const unfinished = '.unfinished'
const abandonedAfterMs = 24 * 3_600_000

/**
 * A store in a directory. An object is written under a name of its own, synced, and linked to its key, which never replaces
 * a file; directories are synced as well, so that the key survives a loss of power together with its bytes.
 */
export function directoryStore(path: string): Store {
  const root = resolve(path)
  const fileOf = (key: string) => {
    checkKey(key)
    return join(root, key)
  }
  let swept: Promise<void> | undefined

  const put = async (key: string, content: ByteStream, options: { ifAbsent: boolean }): Promise<PutResult> => {
    const file = fileOf(key)
    const waiting = join(root, unfinished)
    await makeDurable(waiting)
    swept ??= sweep(waiting)
    await swept
    const temporary = join(waiting, `${process.pid}-${randomBytes(8).toString('hex')}`)
    try {
      const size = await writeSynced(temporary, content)
      await makeDurable(dirname(file))
      if (options.ifAbsent) {
        try {
          await link(temporary, file)
        } catch (error) {
          if (isErrno(error, 'EEXIST')) return { outcome: 'exists', size: 0 }
          throw error
        }
      } else {
        await rename(temporary, file)
      }
      await syncDirectory(dirname(file))
      return { outcome: 'stored', size }
    } catch (error) {
      if (isErrno(error, 'ENOSPC') || isErrno(error, 'EDQUOT')) throw failure('STORE_FULL', { place: root, key })
      throw error
    } finally {
      await rm(temporary, { force: true })
    }
  }

  return {
    place: root,
    put,
    get: async (key) => {
      const handle = await openExisting(fileOf(key))
      return handle && readFrom(handle)
    },
    stat: async (key) => {
      try {
        const { size } = await stat(fileOf(key))
        return { key, size }
      } catch (error) {
        if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return undefined
        throw error
      }
    },
    list: (prefix) => walk(root, '', prefix),
    delete: async (key) => {
      const file = fileOf(key)
      await rm(file, { force: true })
      await syncDirectory(dirname(file)).catch((error: unknown) => {
        if (!isErrno(error, 'ENOENT')) throw error
      })
    },
  }
}

/** Bytes after which the disk is set to work, so that the end of a large object is not waited for in one piece. */
const syncEvery = 33_554_432

async function writeSynced(file: string, content: ByteStream): Promise<number> {
  const handle = await open(file, 'wx', 0o600)
  let size = 0
  let unsynced = 0
  let syncing: Promise<void> | undefined
  try {
    for await (const bytes of content) {
      await handle.writeFile(bytes)
      size += bytes.length
      unsynced += bytes.length
      if (unsynced < syncEvery) continue
      unsynced = 0
      await syncing
      syncing = handle.datasync()
      // Whether it failed is asked at the next one, or before the last.
      syncing.catch(() => undefined)
    }
    await syncing
    await handle.sync()
  } finally {
    await syncing?.catch(() => undefined)
    await handle.close()
  }
  return size
}

async function openExisting(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r')
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return undefined
    throw error
  }
}

async function* readFrom(handle: FileHandle): ByteStream {
  try {
    // The same memory for every piece: a large object would leave hundreds of megabytes to the collector.
    const { size } = await handle.stat()
    const memory = Buffer.allocUnsafeSlow(Math.max(1, Math.min(size, 262_144)))
    for (;;) {
      const { bytesRead } = await handle.read(memory, 0, memory.length, null)
      if (bytesRead === 0) return
      yield memory.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}

async function* walk(root: string, folder: string, prefix: string): AsyncIterable<StoredEntry> {
  // A folder is entered only when keys in it can start with the prefix.
  if (!folder.startsWith(prefix) && !prefix.startsWith(folder)) return
  for (const { name, size } of await snapshot(join(root, folder))) {
    const key = `${folder}${name}`
    if (size === undefined) yield* walk(root, key, prefix)
    else if (key.startsWith(prefix)) yield { key, size }
  }
}

/** Folders end in '/' and have no size. */
interface Listed {
  name: string
  size: number | undefined
}

/**
 * What a folder held at one moment. Writers replace several objects by one, and remove them only once the one is there: a listing
 * that saw neither would have lost what was never missing, so that it begins again when something vanishes while it looks.
 */
async function snapshot(folder: string): Promise<Listed[]> {
  for (;;) {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown): Dirent[] => {
      if (isErrno(error, 'ENOENT')) return []
      throw error
    })
    const listed: Listed[] = []
    let vanished = false
    for (const entry of entries) {
      if (entry.isDirectory()) {
        if (entry.name !== unfinished) listed.push({ name: `${entry.name}/`, size: undefined })
        continue
      }
      const found = await stat(join(folder, entry.name)).catch((error: unknown) => {
        if (isErrno(error, 'ENOENT')) return undefined
        throw error
      })
      if (found) listed.push({ name: entry.name, size: found.size })
      else vanished = true
    }
    // Order of whole keys, not of names: 'a/' sorts by its slash, between 'a-' and 'a0'.
    if (!vanished) return listed.sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}

/** Creates a directory and syncs every new link on the way to it. */
async function makeDurable(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = directory; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made))
}

/** Removes what a writer that died left behind; anything younger may belong to one that still writes. */
async function sweep(waiting: string): Promise<void> {
  const before = Date.now() - abandonedAfterMs
  for (const name of await readdir(waiting)) {
    const file = join(waiting, name)
    const found = await stat(file).catch(() => undefined)
    if (found && found.mtimeMs < before) await rm(file, { force: true })
  }
}
