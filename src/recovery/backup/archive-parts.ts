import { type Channel, channel } from '../repository/channel.ts'
import { emptyBlock } from '../repository/object-thread.ts'
import type { ByteStream } from '../stores/store.ts'
import { parseTarHeader, tarBlockBytes, tarPadding } from './tar-header.ts'

/** A run of whole entries of an archive, which can be read without the others. */
export interface ArchivePart {
  /** Blocks of memory that belong to whoever takes them; see `throughThread`. */
  bytes: ByteStream
  /** Bytes so far. */
  length(): number
}

export interface ArchiveCutter {
  /** The next bytes of the archive, copied before it returns. */
  add(bytes: Uint8Array): void
  end(): void
  fail(error: unknown): void
  parts: AsyncIterable<ArchivePart>
  /** Bytes that were added and not taken yet. */
  waiting(): number
}

interface OpenPart {
  blocks: Channel<Uint8Array>
  length: number
}

/**
 * Cuts an archive into parts of about one size, so that they are stored and restored side by side. A cut falls between two entries: the
 * part that a large file begins in holds the whole of it.
 * @param partBytes after which a part takes no further entry.
 * @param onTaken hears whenever bytes were taken.
 */
export function cutArchive(partBytes: number, onTaken: () => void): ArchiveCutter {
  const parts = channel<ArchivePart>()
  const header = Buffer.alloc(tarBlockBytes)
  let headerLength = 0
  /** Bytes of the entry, with its padding, that are still to come; without end behind the last. */
  let entryLeft = 0
  let open: OpenPart | undefined
  let block = emptyBlock()
  let filled = 0
  let waiting = 0

  const begin = (): OpenPart => {
    const part: OpenPart = { blocks: channel<Uint8Array>(), length: 0 }
    async function* bytes(): ByteStream {
      for await (const each of part.blocks.items) {
        waiting -= each.length
        onTaken()
        yield each
      }
    }
    parts.push({ bytes: bytes(), length: () => part.length })
    return part
  }
  const flush = (part: OpenPart) => {
    if (filled === 0) return
    part.blocks.push(block.subarray(0, filled))
    block = emptyBlock()
    filled = 0
  }
  const finish = () => {
    if (!open) return
    flush(open)
    open.blocks.end()
    open = undefined
  }
  const write = (bytes: Uint8Array) => {
    open ??= begin()
    open.length += bytes.length
    waiting += bytes.length
    for (let at = 0; at < bytes.length; ) {
      const some = bytes.subarray(at, at + block.length - filled)
      block.set(some, filled)
      filled += some.length
      at += some.length
      if (filled === block.length) flush(open)
    }
  }
  const readHeader = () => {
    headerLength = 0
    const parsed = parseTarHeader(header)
    if (parsed === 'end') entryLeft = Number.POSITIVE_INFINITY
    else if ('problem' in parsed) throw new Error(`the server sent an archive that cannot be read: ${parsed.problem}`)
    else {
      if (open && open.length >= partBytes) finish()
      entryLeft = parsed.bytes + tarPadding(parsed.bytes)
    }
    write(header)
  }
  return {
    add: (bytes) => {
      for (let at = 0; at < bytes.length; ) {
        if (entryLeft > 0) {
          const some = bytes.subarray(at, Math.min(bytes.length, at + entryLeft))
          write(some)
          entryLeft -= some.length
          at += some.length
          continue
        }
        const some = bytes.subarray(at, at + tarBlockBytes - headerLength)
        header.set(some, headerLength)
        headerLength += some.length
        at += some.length
        if (headerLength === tarBlockBytes) readHeader()
      }
    },
    end: () => {
      finish()
      parts.end()
    },
    fail: (error) => {
      open?.blocks.fail(error)
      parts.fail(error)
    },
    parts: parts.items,
    waiting: () => waiting,
  }
}
