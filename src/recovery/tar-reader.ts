import { failure } from '../errors.ts'
import type { ByteStream } from './store.ts'

/** One entry of an archive. `content` must be read to its end before the next entry is asked for. */
export interface TarEntry {
  name: string
  type: 'file' | 'directory'
  bytes: number
  content: ByteStream
}

const blockBytes = 512

/**
 * Reads the archives Postgres writes for a backup: plain ustar, names of at most 99 bytes, files and directories.
 * @param object what it is called in errors.
 * @throws OBJECT_DAMAGED for anything else, links to tablespaces included.
 */
export async function* readTar(source: ByteStream, object: string): AsyncIterable<TarEntry> {
  const broken = (problem: string) => failure('OBJECT_DAMAGED', { object, problem })
  const input = takeFrom(source)
  try {
    for (;;) {
      const header = await input.exactly(blockBytes)
      if (header === undefined) return
      if (header.length < blockBytes) throw broken('its archive ends inside a header')
      // Zeros end an archive; Postgres writes two such blocks, and anything behind them is padding.
      if (header.every((byte) => byte === 0)) return await input.drain()
      if (sumOf(header) !== octal(header, 148, 8)) throw broken('a header of its archive has a wrong checksum')
      const bytes = octal(header, 124, 12)
      const type = header[156] === 0x35 ? 'directory' : header[156] === 0x30 || header[156] === 0 ? 'file' : undefined
      if (type === undefined || bytes === undefined)
        throw broken('its archive holds an entry that is no file or directory')
      const name = header.subarray(0, header.indexOf(0) < 0 ? 100 : Math.min(100, header.indexOf(0))).toString('latin1')
      let left = bytes
      async function* content(): ByteStream {
        while (left > 0) {
          const part = await input.some(left)
          if (part === undefined) throw broken(`its archive ends inside ${name}`)
          left -= part.length
          yield part
        }
      }
      yield { name, type, bytes, content: content() }
      if (left > 0) throw new RangeError(`${name} was not read to its end`)
      const padding = (blockBytes - (bytes % blockBytes)) % blockBytes
      if (padding > 0 && (await input.exactly(padding))?.length !== padding)
        throw broken('its archive ends inside padding')
    }
  } finally {
    await input.close()
  }
}

/** The number an octal field holds, or one in base 256 for files of 8 GB and more. */
function octal(header: Buffer, at: number, length: number): number | undefined {
  const field = header.subarray(at, at + length)
  if (((field[0] ?? 0) & 0x80) !== 0) return Number(BigInt(`0x${field.subarray(1).toString('hex')}`))
  const digits = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trim()
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined
}

/** The sum of a header's bytes, its own checksum field counted as spaces. */
function sumOf(header: Buffer): number {
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0)
}

interface Taker {
  /** So many bytes, fewer when the source ends first, undefined when it has ended. */
  exactly(length: number): Promise<Buffer | undefined>
  /** At least one and at most so many bytes; undefined when the source has ended. */
  some(most: number): Promise<Buffer | undefined>
  /** Reads the rest, so that the source is checked to its end. */
  drain(): Promise<void>
  close(): Promise<void>
}

function takeFrom(source: ByteStream): Taker {
  const iterator = source[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  const some = async (most: number): Promise<Buffer | undefined> => {
    while (held.length === 0) {
      const item = await iterator.next()
      if (item.done) return undefined
      held = Buffer.from(item.value.buffer, item.value.byteOffset, item.value.byteLength)
    }
    const part = held.subarray(0, most)
    held = held.subarray(part.length)
    return part
  }
  return {
    some,
    exactly: async (length) => {
      const parts: Buffer[] = []
      let missing = length
      while (missing > 0) {
        const part = await some(missing)
        if (part === undefined) break
        parts.push(part)
        missing -= part.length
      }
      return missing === length ? undefined : Buffer.concat(parts)
    },
    drain: async () => {
      while ((await some(65_536)) !== undefined);
    },
    close: async () => {
      await iterator.return?.()
    },
  }
}
