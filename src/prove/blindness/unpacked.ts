import type { Transform } from 'node:stream'
import { constants, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib'

const largestUnpacked = 64 * 1024 * 1024
/** More places than that which look like the beginning of a stream are chance, as in bytes that are encrypted. */
const mostStreams = 2_000

/** Little by little, and all that came out each time: what is wrong further on takes nothing of it back. */
const bytesAtOnce = 128
const flush = constants.Z_SYNC_FLUSH

/** @property header bytes before what `open` takes */
const packings: readonly { begins: Buffer; header: (bytes: Buffer) => number; open: () => Transform }[] = [
  { begins: Buffer.from([0x1f, 0x8b, 0x08]), header: gzipHeader, open: () => createInflateRaw({ flush }) },
  {
    begins: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
    header: () => 0,
    open: () => createZstdDecompress({ flush: constants.ZSTD_e_flush }),
  },
  { begins: Buffer.from([0x78, 0x9c]), header: () => 0, open: () => createInflate({ flush }) },
]

/**
 * What compressed streams among some bytes hold: gzip, zstd and zlib wherever one begins, raw deflate where it fills the whole. A stream that was cut off or is
 * followed by something else is opened as far as it goes.
 */
export async function* unpacked(bytes: Buffer): AsyncIterable<Buffer> {
  let tried = 0
  for (const { begins, header, open } of packings) {
    for (let at = bytes.indexOf(begins); at >= 0; at = bytes.indexOf(begins, at + 1)) {
      if (++tried > mostStreams) return
      const stream = bytes.subarray(at)
      const inner = await opened(open(), stream.subarray(header(stream)))
      if (inner.length > 0) yield inner
    }
  }
  const whole = await opened(createInflateRaw(), bytes)
  if (whole.length > 0) yield whole
}

async function opened(stream: Transform, packed: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  let over = false
  const ended = new Promise<void>((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
    })
    stream.once('error', () => resolve())
    stream.once('end', () => resolve())
    stream.once('close', () => resolve())
  }).then(() => {
    over = true
  })
  for (let at = 0; at < packed.length && !over && size < largestUnpacked; at += bytesAtOnce) {
    const written = new Promise<void>((resolve) => {
      stream.write(packed.subarray(at, at + bytesAtOnce), () => resolve())
    })
    await Promise.race([written, ended])
  }
  if (!over) stream.end()
  await ended
  stream.destroy()
  return Buffer.concat(chunks)
}

/** Length of the header of a gzip stream: RFC 1952 §2.3. */
function gzipHeader(bytes: Buffer): number {
  const flags = bytes[3] ?? 0
  let at = 10
  if ((flags & 4) !== 0 && bytes.length > at + 2) at += 2 + bytes.readUInt16LE(at)
  for (const text of [8, 16]) {
    if ((flags & text) === 0) continue
    const end = bytes.indexOf(0, at)
    at = end < 0 ? bytes.length : end + 1
  }
  return (flags & 2) === 0 ? at : at + 2
}
