import type { FileHandle } from 'node:fs/promises'
import { pageBytes, pagesPerFile } from '../repair/page-checksum.ts'
import type { ByteStream } from '../stores/store.ts'
import { takeFrom } from './tar-reader.ts'

/*
 * What a server of version 17 or later sends of a file of a relation that changed in part. In the byte order of the server, which is
 * that of every machine Postgres is packaged for: magic, number of pages, length to keep (4 bytes each), the number of each page, zeros
 * up to a whole page where any page follows, then the pages.
 */

const magic = 0xd3ae1f0d
const headBytes = 12
const prefix = 'INCREMENTAL.'

/** Pages written at once. */
const runPages = 128

/** The file that one of this name changes; undefined for a file that is whole. */
export function patchedPath(path: string): string | undefined {
  const [folder, name] = [path.slice(0, path.lastIndexOf('/') + 1), path.slice(path.lastIndexOf('/') + 1)]
  return name.startsWith(prefix) ? `${folder}${name.slice(prefix.length)}` : undefined
}

export interface Patch {
  /** Pages that were written. */
  pages: number
  /** Pages of the file now. */
  length: number
  /** Whether anything is other than before; of most files nothing is. */
  changed: boolean
}

/**
 * Brings a file from the state of one backup to that of the next, in place. Pages from the length to keep on stay only where they are
 * sent; those between that were not are zeros.
 * @param file open for writing; as the backup before has it.
 * @param content of the incremental file; read to its end.
 * @throws Error with what is wrong with the content. The file is in no known state then.
 */
export async function patchFile(file: FileHandle, content: ByteStream): Promise<Patch> {
  const input = takeFrom(content)
  const exactly = async (bytes: number) => {
    const taken = bytes === 0 ? Buffer.alloc(0) : await input.exactly(bytes)
    if (taken?.length !== bytes) throw new Error('it ends before its time')
    return taken
  }
  try {
    const head = await exactly(headBytes)
    if (head.readUInt32LE(0) !== magic) throw new Error('it does not begin as an incremental file does')
    const [pages, keep] = [head.readUInt32LE(4), head.readUInt32LE(8)]
    if (pages > pagesPerFile || keep > pagesPerFile) throw new Error('it names more pages than a file has')
    const numbers = readNumbers(await exactly(pages * 4))
    const length = Math.max(keep, (numbers.at(-1) ?? -1) + 1)
    const used = headBytes + pages * 4
    if (pages > 0) await exactly((pageBytes - (used % pageBytes)) % pageBytes)
    const { size } = await file.stat()
    const cut = Math.min(size, keep * pageBytes)
    if (cut < size) await file.truncate(cut)
    if (cut < length * pageBytes) await file.truncate(length * pageBytes)
    for (const run of runsOf(numbers)) {
      const bytes = await exactly(run.pages * pageBytes)
      for (let at = 0; at < bytes.length; ) {
        at += (await file.write(bytes, at, bytes.length - at, run.from * pageBytes + at)).bytesWritten
      }
    }
    if ((await input.some(1)) !== undefined) throw new Error('it goes on behind its last page')
    return { pages, length, changed: pages > 0 || size !== length * pageBytes }
  } finally {
    await input.close()
  }
}

function readNumbers(bytes: Buffer): number[] {
  const numbers: number[] = []
  for (let at = 0; at < bytes.length; at += 4) {
    const number = bytes.readUInt32LE(at)
    if (number >= pagesPerFile || number <= (numbers.at(-1) ?? -1)) throw new Error('its page numbers are not in order')
    numbers.push(number)
  }
  return numbers
}

/** Pages that follow each other, as many as are written at once. */
function* runsOf(numbers: readonly number[]): Iterable<{ from: number; pages: number }> {
  for (let at = 0; at < numbers.length; ) {
    const from = numbers[at] ?? 0
    let pages = 1
    while (pages < runPages && numbers[at + pages] === from + pages) pages++
    yield { from, pages }
    at += pages
  }
}
