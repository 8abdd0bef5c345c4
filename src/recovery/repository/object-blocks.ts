import { pipeline, Readable } from 'node:stream'
import { promisify } from 'node:util'
import { constants, createZstdDecompress, zstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { ByteStream } from '../stores/store.ts'
import { ChunkError, release } from './chunk-cipher.ts'

/*
 * How a text is compressed: in blocks, each a zstd frame of its own, so that one buffer in and one buffer out is all it takes. Before each
 * frame stands a skippable frame (RFC 8878 §3.1.2) of twelve bytes that holds the length of the frame, as pzstd writes it. The whole is
 * a zstd stream like any other: what knows nothing of blocks reads it too, and a stream without them is read here.
 */

/** Bytes of text in each block but the last. */
export const blockBytes = 1_048_576

const lengthMagic = 0x184d2a50
const lengthBytes = 12
/** A block that cannot be compressed grows by less than this. */
const longestFrame = blockBytes + 65_536

/** On database pages as small as lz4 makes them, and as fast; higher levels gain a tenth for half the speed. */
const fast = { chunkSize: longestFrame, params: { [constants.ZSTD_c_compressionLevel]: -2 } }
const compressAside = promisify<Uint8Array, typeof fast, Buffer>(zstdCompress)

/** One byte more than a block, so that the end is seen without asking for more memory. */
const whole = { chunkSize: blockBytes + 1, maxOutputLength: blockBytes }

/** Where the work is done: `here` blocks this thread and is for one that does nothing else. */
export type WorkPlace = 'here' | 'aside'

/** Compresses a text. A piece that was taken must not change before the next is asked for. */
export async function* compressText(text: ByteStream, where: WorkPlace): ByteStream {
  for await (const block of inBlocks(text)) {
    const frame = where === 'here' ? zstdCompressSync(block, fast) : await compressAside(block, fast)
    const length = Buffer.alloc(lengthBytes)
    length.writeUInt32LE(lengthMagic)
    length.writeUInt32LE(4, 4)
    length.writeUInt32LE(frame.length, 8)
    yield length
    yield frame
    // All it was written to, whatever of that it takes: where blocks are zeros, a megabyte holds a few bytes.
    if (frame.byteOffset === 0 && frame.buffer.byteLength >= longestFrame) release(new Uint8Array(frame.buffer))
  }
}

/**
 * Undoes `compressText`, and reads any other zstd stream. Memory of the pieces it is given is released: they must be nobody else's.
 * @throws ChunkError when it is none.
 */
export async function* decompressText(compressed: ByteStream): ByteStream {
  const input = takeFrom(compressed)
  try {
    for (;;) {
      const start = await input.peek(lengthBytes)
      if (start.length === 0) return
      if (start.length < lengthBytes || start.readUInt32LE() !== lengthMagic || start.readUInt32LE(4) !== 4) {
        return yield* asStream(input.rest())
      }
      const length = start.readUInt32LE(8)
      if (length > longestFrame) throw new ChunkError('a block of it is longer than blocks are')
      input.skip(lengthBytes)
      const frame = await input.peek(length)
      if (frame.length < length) throw new ChunkError('it ends inside a block')
      yield opened(() => zstdDecompressSync(frame, whole))
      input.skip(length)
    }
  } finally {
    await input.close()
  }
}

function opened<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw unreadable(error)
  }
}

function unreadable(error: unknown): unknown {
  const codec = error instanceof Error && 'code' in error && /^(ZSTD_|ERR_BUFFER_TOO_LARGE)/.test(String(error.code))
  return codec ? new ChunkError(`it does not decompress: ${error.message}`) : error
}

async function* asStream(compressed: ByteStream): ByteStream {
  // The callback hears of the same error that the loop below throws.
  const transform = createZstdDecompress({ chunkSize: 262_144 })
  const output = pipeline(Readable.from(compressed, { objectMode: false }), transform, () => {})
  try {
    // A copy: the codec goes on writing behind what it gave.
    for await (const piece of output) yield Buffer.from(piece)
  } catch (error) {
    throw unreadable(error)
  }
}

/** The same text in blocks; one that is a whole block already is passed on as it is. */
async function* inBlocks(text: ByteStream): ByteStream {
  let held: Buffer | undefined
  let length = 0
  for await (const piece of text) {
    if (length === 0 && piece.length === blockBytes) {
      yield piece
      continue
    }
    for (let at = 0; at < piece.length; ) {
      held ??= Buffer.allocUnsafeSlow(blockBytes)
      const some = piece.subarray(at, at + blockBytes - length)
      held.set(some, length)
      length += some.length
      at += some.length
      if (length < blockBytes) continue
      yield held
      length = 0
    }
  }
  if (held && length > 0) yield held.subarray(0, length)
}

interface Taker {
  /** So many bytes without taking them; fewer when the source ends first. */
  peek(length: number): Promise<Buffer>
  skip(length: number): void
  rest(): ByteStream
  close(): Promise<void>
}

function takeFrom(source: ByteStream): Taker {
  const iterator = source[Symbol.asyncIterator]()
  // One frame after the other lies in the same memory; each in memory of its own would leave the collector as much as was stored.
  let memory = Buffer.alloc(0)
  let held = memory
  /** Makes room behind what is held. */
  const makeRoom = (length: number) => {
    const whole = held.length + length
    if (held.byteOffset + whole <= memory.length) return
    const before = memory
    if (whole > memory.length) memory = Buffer.allocUnsafeSlow(whole)
    held.copy(memory)
    held = memory.subarray(0, held.length)
    if (before !== memory) release(before)
  }
  return {
    peek: async (length) => {
      while (held.length < length) {
        const item = await iterator.next()
        if (item.done) break
        makeRoom(item.value.length)
        memory.set(item.value, held.byteOffset + held.length)
        held = memory.subarray(held.byteOffset, held.byteOffset + held.length + item.value.length)
        // Chunks that were opened for this alone.
        release(item.value)
      }
      return held.subarray(0, length)
    },
    skip: (length) => {
      held = held.subarray(length)
    },
    rest: async function* () {
      // Whoever reads on may still hold it when this is closed.
      memory = Buffer.alloc(0)
      yield held
      for (let item = await iterator.next(); !item.done; item = await iterator.next()) yield item.value
    },
    close: async () => {
      release(memory)
      await iterator.return?.()
    },
  }
}
