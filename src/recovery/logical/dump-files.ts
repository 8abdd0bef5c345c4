import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { failure } from '../../errors.ts'
import { writerMeta } from '../backup/broken-backups.ts'
import type { Repository } from '../repository/repository.ts'
import type { ByteStream } from '../stores/store.ts'
import { dumpLayout } from './dump-layout.ts'
import type { DumpFile, DumpPack } from './dump-manifest.ts'

/*
 * A dump in the directory format is a file for each table and one for each large object: they go into the store several to an object, so
 * that a hundred thousand small ones are not a hundred thousand objects.
 */

const packBytes = 64 * 2 ** 20
const packFiles = 10_000
/** Objects written, and read, at once. */
export const streams = 2

type Unhashed = Omit<DumpFile, 'sha256'>

/**
 * Stores the files below `folder`, which has one folder for each database named by its number, and removes each once it is stored.
 */
export async function storeDumpFiles(options: {
  repository: Repository
  id: string
  folder: string
  databases: number
  onBytes: (bytes: number) => void
  signal?: AbortSignal | undefined
}): Promise<{ packs: DumpPack[]; storedBytes: number }> {
  const { repository, id, folder, onBytes, signal } = options
  const files: Unhashed[] = []
  for (let database = 0; database < options.databases; database++) {
    for (const name of (await readdir(join(folder, String(database)))).sort()) {
      files.push({ database, name, bytes: (await stat(join(folder, String(database), name))).size })
    }
  }
  const groups = groupFiles(files)
  const packs: DumpPack[] = new Array(groups.length)
  let storedBytes = 0
  let next = 0
  const write = async () => {
    for (let number = next++; number < groups.length; number = next++) {
      const group = groups[number] ?? []
      const hashed: DumpFile[] = []
      const kept = await repository.put(
        dumpLayout.pack(id, number),
        readFiles(folder, group, hashed, onBytes, signal),
        {
          meta: writerMeta(),
        },
      )
      storedBytes += kept.storedBytes
      packs[number] = { key: kept.key, files: hashed }
      for (const { database, name } of group) await rm(join(folder, String(database), name))
    }
  }
  await allOrFirstFailure(Array.from({ length: streams }, write))
  return { packs, storedBytes }
}

/** In order, a large one alone. */
export function groupFiles(files: readonly Unhashed[]): Unhashed[][] {
  const groups: Unhashed[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const file of files) {
    const last = groups.at(-1)
    if (last && bytes + file.bytes <= packBytes && last.length < packFiles) last.push(file)
    else {
      groups.push([file])
      bytes = 0
    }
    bytes += file.bytes
  }
  return groups
}

async function* readFiles(
  folder: string,
  files: readonly Unhashed[],
  hashed: DumpFile[],
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): ByteStream {
  for (const file of files) {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const piece of createReadStream(join(folder, String(file.database), file.name), {
      highWaterMark: 262_144,
    })) {
      if (!(piece instanceof Uint8Array)) continue
      signal?.throwIfAborted()
      hash.update(piece)
      bytes += piece.length
      onBytes(piece.length)
      yield piece
    }
    hashed.push({ ...file, bytes, sha256: hash.digest('hex') })
  }
}

/**
 * Gives out the files of a dump piece by piece; each file is whole and genuine once `end` was called for it.
 * @throws OBJECT_DAMAGED naming the file whose bytes are not those that were dumped.
 */
export async function readDumpFiles(options: {
  repository: Repository
  packs: readonly DumpPack[]
  /** Makes what takes a file. */
  begin: (file: DumpFile) => Promise<{ write(bytes: Uint8Array): Promise<void>; end(): Promise<void> }>
  signal?: AbortSignal | undefined
}): Promise<void> {
  const { repository, packs, begin, signal } = options
  let next = 0
  const read = async () => {
    for (let pack = packs[next++]; pack !== undefined; pack = packs[next++]) {
      const damaged = (problem: string) => failure('OBJECT_DAMAGED', { object: pack.key, problem })
      const source = byteReader((await repository.read(pack.key)).text)
      for (const file of pack.files) {
        const sink = await begin(file)
        const hash = createHash('sha256')
        let left = file.bytes
        while (left > 0) {
          signal?.throwIfAborted()
          const piece = await source.take(left)
          if (piece === undefined) throw damaged(`it ends inside ${file.name}`)
          hash.update(piece)
          await sink.write(piece)
          left -= piece.length
        }
        await sink.end()
        if (hash.digest('hex') !== file.sha256) throw damaged(`${file.name} in it is not what was dumped`)
      }
      // The end of the text proves its last chunk.
      if ((await source.take(1)) !== undefined) throw damaged('it is longer than its files')
    }
  }
  await allOrFirstFailure(Array.from({ length: streams }, read))
}

/** Writes the files of a dump as `pg_restore` reads them: one folder for each database below `folder`. */
export async function unpackDumpFiles(options: {
  repository: Repository
  packs: readonly DumpPack[]
  folder: string
  onBytes: (bytes: number) => void
  signal?: AbortSignal | undefined
}): Promise<void> {
  const { folder, onBytes } = options
  const begin = async ({ database, name }: DumpFile) => {
    await mkdir(join(folder, String(database)), { recursive: true, mode: 0o700 })
    const handle = await open(join(folder, String(database), name), 'wx', 0o600)
    return {
      write: async (bytes: Uint8Array) => {
        await handle.writeFile(bytes)
        onBytes(bytes.length)
      },
      end: () => handle.close(),
    }
  }
  await readDumpFiles({ ...options, begin })
}

function byteReader(text: ByteStream): { take(most: number): Promise<Uint8Array | undefined> } {
  const source = text[Symbol.asyncIterator]()
  let held: Uint8Array = new Uint8Array()
  return {
    take: async (most) => {
      while (held.length === 0) {
        const next = await source.next()
        if (next.done) return undefined
        held = next.value
      }
      const piece = held.subarray(0, most)
      held = held.subarray(piece.length)
      return piece
    },
  }
}

/** None may still be writing when the first failure is told. */
async function allOrFirstFailure(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
