import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { ByteStream } from '../stores/store.ts'

/*
 * AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): the text is cut into chunks of one size, each sealed on
 * its own under the nonce
 *
 *   7 zero bytes | chunk number, 4 bytes, big-endian | 1 for the last chunk, else 0
 *
 * so that a chunk opens only at its own place, and a text that was cut short has no last chunk. The key must be used for one
 * text only; that is what allows the nonce to start at zero.
 */

export const tagBytes = 16
const lastNumber = 2 ** 32 - 1

export class ChunkError extends Error {
  override readonly name = 'ChunkError'
}

export interface ChunkKey {
  /** 32 bytes, used for this one text. */
  key: Uint8Array
  /** Bound to every chunk without being part of it. */
  associated: Uint8Array
  /** Bytes of text in each chunk but the last. */
  chunkBytes: number
}

/** Gives memory back at once. Left to the collector, which counts such memory late, it would pile up to hundreds of megabytes. */
export function release(bytes: Uint8Array): void {
  if (bytes.buffer instanceof ArrayBuffer && bytes.byteOffset === 0 && bytes.byteLength >= 65_536)
    bytes.buffer.transfer(0)
}

/** Seals a text of any length; an empty one becomes one empty last chunk. */
export async function* sealChunks({ key, associated, chunkBytes }: ChunkKey, text: ByteStream): ByteStream {
  let number = 0
  for await (const { bytes, last } of cut(text, chunkBytes)) {
    if (number > lastNumber) throw new ChunkError('the text is too long for its chunk size')
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(number, last))
    cipher.setAAD(associated)
    number += 1
    const sealed = cipher.update(bytes)
    const chunk = Buffer.concat([sealed, cipher.final(), cipher.getAuthTag()])
    release(sealed)
    yield chunk
    release(chunk)
  }
}

/**
 * Opens what `sealChunks` made. No byte of a chunk is given out before the whole chunk was found genuine, and the end is
 * reached only after the last one was.
 * @throws ChunkError naming the chunk that is not genuine.
 */
export async function* openChunks({ key, associated, chunkBytes }: ChunkKey, sealed: ByteStream): ByteStream {
  let number = 0
  for await (const { bytes, last } of cut(sealed, chunkBytes + tagBytes)) {
    if (bytes.length < tagBytes) throw new ChunkError(`it ends inside chunk ${number}`)
    if (number > lastNumber) throw new ChunkError('it has more chunks than one object can have')
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(number, last))
    decipher.setAAD(associated)
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes))
    // Nothing of it leaves before `final` has found the whole genuine; it gives no bytes of its own.
    const chunk = decipher.update(bytes.subarray(0, bytes.length - tagBytes))
    try {
      decipher.final()
    } catch {
      const where = last ? `chunk ${number}, the last one present,` : `chunk ${number}`
      throw new ChunkError(`${where} is not what was written`)
    }
    number += 1
    yield chunk
  }
}

function nonceOf(number: number, last: boolean): Uint8Array {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(number, 7)
  nonce[11] = last ? 1 : 0
  return nonce
}

interface Cut {
  /** Valid until the next is asked for. */
  bytes: Buffer
  last: boolean
}

/** Pieces of exactly `size` bytes; the last may be shorter, and is empty only when the whole text is. */
async function* cut(source: ByteStream, size: number): AsyncIterable<Cut> {
  // What was given last may not be kept: whoever gave it uses its memory again. The same memory for whatever waits for the rest of its
  // piece, since what is left to the collector with each piece comes back when it likes.
  let memory = Buffer.alloc(0)
  let length = 0
  try {
    for await (const piece of source) {
      let rest = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
      // One byte more than a piece shows that the piece is not the last.
      while (length + rest.length > size) {
        const taken = size - length
        if (length > 0) rest.copy(memory, length, 0, taken)
        yield { bytes: length > 0 ? memory : rest.subarray(0, taken), last: false }
        rest = rest.subarray(taken)
        length = 0
      }
      if (rest.length === 0) continue
      if (memory.length < size) memory = Buffer.allocUnsafeSlow(size)
      length += rest.copy(memory, length)
    }
    yield { bytes: memory.subarray(0, length), last: true }
  } finally {
    release(memory)
  }
}
