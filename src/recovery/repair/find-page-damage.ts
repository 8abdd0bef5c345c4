import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { isErrno } from '../durable.ts'
import { isNewPage, pageBytes, pageChecksum, pagesPerFile, storedChecksum } from './page-checksum.ts'

export interface DamagedPage {
  /** Relative to the data directory. */
  file: string
  /** Oid of the database; 0 for what all databases share. */
  database: number
  fileNode: number
  fork: 'main' | 'fsm' | 'vm' | 'init'
  /** Number of the page in its relation. */
  block: number
  /** Its checksum is another; it ends before its time; it claims to be empty and is not. */
  problem: 'checksum' | 'cut short' | 'not empty'
}

export interface DamageReport {
  pages: DamagedPage[]
  files: number
  blocks: number
}

export interface FindDamageOptions {
  dataDirectory: string
  clock: Clock
  onProgress?: (progress: { blocks: number; file: string }) => void
  signal?: AbortSignal
}

const chunkPages = 128
const relationFile = /^(\d+)(?:_(fsm|vm|init))?(?:\.(\d+))?$/

/**
 * Reads every page of every relation of a data directory and holds it against its checksum; nothing is changed. While a server runs, a page
 * may be met half written: it is read again before it is called damaged. What the server has in memory and not on disk is not seen.
 * @throws PAGE_CHECKSUMS_OFF when no page has one, POSTGRES_NOT_A_CLUSTER
 */
export async function findPageDamage(options: FindDamageOptions): Promise<DamageReport> {
  const { dataDirectory, clock, signal, onProgress } = options
  await stat(join(dataDirectory, 'global', 'pg_control')).catch(() => {
    throw failure('POSTGRES_NOT_A_CLUSTER', { directory: dataDirectory })
  })
  const report: DamageReport = { pages: [], files: 0, blocks: 0 }
  let withChecksum = 0
  for (const { folder, database } of await foldersOf(dataDirectory)) {
    for (const name of (await readdir(join(dataDirectory, folder))).sort()) {
      const match = relationFile.exec(name)
      if (!match) continue
      signal?.throwIfAborted()
      const file = `${folder}/${name}`
      const found = await scanFile(join(dataDirectory, file), Number(match[3] ?? 0) * pagesPerFile, clock, signal)
      if (found === undefined) continue
      report.files++
      report.blocks += found.blocks
      withChecksum += found.withChecksum
      const fork = match[2] === 'fsm' || match[2] === 'vm' || match[2] === 'init' ? match[2] : 'main'
      for (const page of found.pages) report.pages.push({ file, database, fileNode: Number(match[1]), fork, ...page })
      onProgress?.({ blocks: report.blocks, file })
    }
  }
  if (withChecksum === 0) throw failure('PAGE_CHECKSUMS_OFF', { directory: dataDirectory })
  return report
}

async function foldersOf(dataDirectory: string): Promise<{ folder: string; database: number }[]> {
  const databases = (await readdir(join(dataDirectory, 'base'))).filter((name) => /^\d+$/.test(name)).sort()
  return [
    { folder: 'global', database: 0 },
    ...databases.map((name) => ({ folder: `base/${name}`, database: Number(name) })),
  ]
}

interface Found {
  pages: Pick<DamagedPage, 'block' | 'problem'>[]
  blocks: number
  withChecksum: number
}

/** @returns undefined for a file that was removed meanwhile. */
async function scanFile(
  path: string,
  firstBlock: number,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<Found | undefined> {
  const file = await open(path).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  })
  if (file === undefined) return undefined
  try {
    const found: Found = { pages: [], blocks: 0, withChecksum: 0 }
    const buffer = new ArrayBuffer(chunkPages * pageBytes)
    for (let position = 0; ; ) {
      signal?.throwIfAborted()
      const bytes = await readFully(file, new Uint8Array(buffer), position)
      for (let at = 0; at < bytes; at += pageBytes) {
        const block = firstBlock + (position + at) / pageBytes
        found.blocks++
        const whole = bytes - at >= pageBytes
        const words = new Int32Array(buffer, at, pageBytes / 4)
        if (whole && !isNewPage(words) && storedChecksum(words) !== 0) found.withChecksum++
        const problem = whole ? problemOf(words, block) : 'cut short'
        if (problem === undefined) continue
        const still = await readAgain(file, position + at, block, clock)
        if (still !== undefined) found.pages.push({ block, problem: still })
      }
      position += bytes
      if (bytes < buffer.byteLength) return found
    }
  } finally {
    await file.close()
  }
}

function problemOf(words: Int32Array, block: number): DamagedPage['problem'] | undefined {
  if (!isNewPage(words)) return storedChecksum(words) === pageChecksum(words, block) ? undefined : 'checksum'
  return words.every((word) => word === 0) ? undefined : 'not empty'
}

/** A page that a server writes at this moment is whole soon; a damaged one stays as it is. */
async function readAgain(
  file: FileHandle,
  position: number,
  block: number,
  clock: Clock,
): Promise<DamagedPage['problem'] | undefined> {
  const page = new ArrayBuffer(pageBytes)
  for (let attempt = 1; ; attempt++) {
    const bytes = await readFully(file, new Uint8Array(page), position)
    const problem = bytes < pageBytes ? 'cut short' : problemOf(new Int32Array(page), block)
    // A file that was cut off at its last page by the server, which gave the room back.
    if (bytes === 0 || problem === undefined) return undefined
    if (attempt === 4) return problem
    await clock.sleep(20)
  }
}

async function readFully(file: FileHandle, into: Uint8Array, position: number): Promise<number> {
  let filled = 0
  while (filled < into.length) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}
