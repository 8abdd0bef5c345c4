import type { ByteStream } from '../store.ts'

/** Memory that goes round between who fills a part and who sends it. */
export interface PartBuffers {
  take(): Buffer
  give(buffer: Buffer): void
}

export function partBuffers(partBytes: number): PartBuffers {
  const free: Buffer[] = []
  return {
    take: () => free.pop() ?? Buffer.allocUnsafeSlow(partBytes),
    give: (buffer) => {
      // What is smaller belonged to an object of a single part.
      if (buffer.length === partBytes) free.push(buffer)
    },
  }
}

export interface Part {
  bytes: Buffer
  /** What `bytes` lies in; given back once the part is sent. */
  buffer: Buffer
  last: boolean
}

const firstBuffer = 2 ** 18

/**
 * Cuts a stream into parts of equal size; only the last may be shorter, and it may be empty only when everything is. Bytes are
 * copied, so that a producer may use its own memory again. Most objects are far smaller than a part: the first buffer grows.
 */
export async function* cutParts(content: ByteStream, partBytes: number, buffers: PartBuffers): AsyncGenerator<Part> {
  let buffer: Buffer = Buffer.allocUnsafeSlow(Math.min(firstBuffer, partBytes))
  let used = 0
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length; ) {
      if (used === partBytes) {
        yield { bytes: buffer.subarray(0, used), buffer, last: false }
        buffer = buffers.take()
        used = 0
      }
      if (used === buffer.length) {
        const larger = Buffer.allocUnsafeSlow(Math.min(partBytes, 2 * buffer.length))
        buffer.copy(larger, 0, 0, used)
        buffer = larger
      }
      const fits = Math.min(chunk.length - at, buffer.length - used)
      buffer.set(chunk.subarray(at, at + fits), used)
      used += fits
      at += fits
    }
  }
  yield { bytes: buffer.subarray(0, used), buffer, last: true }
}
