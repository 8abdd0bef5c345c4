import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { isNewPage, pageBytes, pageChecksum, pagesPerFile, storedChecksum } from '../repair/page-checksum.ts'
import type { Lsn } from '../wal/lsn.ts'

const chunkPages = 128

/**
 * Holds every page of a file of a relation against its checksum.
 * @param path relative to the data directory.
 * @param before pages changed from there on are passed over: they may have been copied half written, and the WAL holds them whole.
 * @returns the number of the first page that is damaged, in its relation; undefined where none is.
 */
export async function firstDamagedPage(directory: string, path: string, before: Lsn): Promise<number | undefined> {
  const firstBlock = Number(/\.(\d+)$/.exec(path)?.[1] ?? 0) * pagesPerFile
  const buffer = new ArrayBuffer(chunkPages * pageBytes)
  const file = await open(join(directory, path))
  try {
    for (let position = 0; ; ) {
      const bytes = await fill(file, new Uint8Array(buffer), position)
      for (let at = 0; at < bytes; at += pageBytes) {
        const block = firstBlock + (position + at) / pageBytes
        if (bytes - at < pageBytes) return block
        const words = new Int32Array(buffer, at, pageBytes / 4)
        if (isNewPage(words) || changedAt(words) >= before) continue
        if (storedChecksum(words) !== pageChecksum(words, block)) return block
      }
      position += bytes
      if (bytes < buffer.byteLength) return undefined
    }
  } finally {
    await file.close()
  }
}

/** The position in the WAL of the last change to a page, which it begins with. */
function changedAt(words: Int32Array): Lsn {
  return (BigInt((words[0] ?? 0) >>> 0) << 32n) | BigInt((words[1] ?? 0) >>> 0)
}

async function fill(file: FileHandle, into: Uint8Array, position: number): Promise<number> {
  let filled = 0
  while (filled < into.length) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}
