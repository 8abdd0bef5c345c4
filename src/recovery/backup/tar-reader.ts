import { failure } from '../../errors.ts'
import type { ByteStream } from '../stores/store.ts'
import { parseTarHeader, tarBlockBytes, tarPadding } from './tar-header.ts'

/** One entry of an archive. `content` must be read to its end before the next entry is asked for. */
export interface TarEntry {
  name: string
  type: 'file' | 'directory'
  bytes: number
  content: ByteStream
}

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
      const header = await input.exactly(tarBlockBytes)
      if (header === undefined) return
      if (header.length < tarBlockBytes) throw broken('its archive ends inside a header')
      const parsed = parseTarHeader(header)
      // Postgres writes two blocks of zeros at the end, and anything behind them is padding.
      if (parsed === 'end') return await input.drain()
      if ('problem' in parsed) throw broken(parsed.problem)
      const { name, type, bytes } = parsed
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
      const padding = tarPadding(bytes)
      if (padding > 0 && (await input.exactly(padding))?.length !== padding)
        throw broken('its archive ends inside padding')
    }
  } finally {
    await input.close()
  }
}

/** Bytes of a stream, so many at a time as are asked for. */
export interface Taker {
  /** So many bytes, fewer when the source ends first, undefined when it has ended. */
  exactly(length: number): Promise<Buffer | undefined>
  /** At least one and at most so many bytes; undefined when the source has ended. */
  some(most: number): Promise<Buffer | undefined>
  /** Reads the rest, so that the source is checked to its end. */
  drain(): Promise<void>
  close(): Promise<void>
}

export function takeFrom(source: ByteStream): Taker {
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
      // Copied at once: the memory of a block is used again as soon as the next one is asked for.
      const taken = Buffer.allocUnsafe(length)
      let filled = 0
      while (filled < length) {
        const part = await some(length - filled)
        if (part === undefined) break
        filled += part.copy(taken, filled)
      }
      return filled === 0 ? undefined : taken.subarray(0, filled)
    },
    drain: async () => {
      while ((await some(65_536)) !== undefined);
    },
    close: async () => {
      await iterator.return?.()
    },
  }
}
