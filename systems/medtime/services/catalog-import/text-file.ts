import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

export type Encoding = 'utf-8' | 'utf-16le' | 'windows-1252'

export interface Inspected {
  /** SHA-256 of the bytes, hex. */
  digest: string
  encoding: Encoding
  bytes: number
}

/**
 * Reads a file through once: what it is, and how its letters are written. A file that is not UTF-8 from end to end is taken for
 * Windows-1252, which holds Latin-1 and what Excel makes of it; a part of it would not tell.
 */
export async function inspectFile(path: string): Promise<Inspected> {
  const hash = createHash('sha256')
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let utf8 = true
  let bytes = 0
  let start = Buffer.alloc(0)
  const decodes = (chunk?: Uint8Array) => {
    try {
      if (utf8) decoder.decode(chunk, { stream: chunk !== undefined })
    } catch {
      utf8 = false
    }
  }
  for await (const chunk of chunksOf(path)) {
    if (start.length < 2) start = Buffer.concat([start, chunk.subarray(0, 2)])
    bytes += chunk.length
    hash.update(chunk)
    decodes(chunk)
  }
  decodes()
  const wide = start[0] === 0xff && start[1] === 0xfe
  return { digest: hash.digest('hex'), encoding: wide ? 'utf-16le' : utf8 ? 'utf-8' : 'windows-1252', bytes }
}

/** The text of a file in pieces, without its byte order mark. */
export async function* textOf(path: string, encoding: Encoding): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding)
  for await (const chunk of chunksOf(path)) yield decoder.decode(chunk, { stream: true })
  yield decoder.decode()
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path)) if (Buffer.isBuffer(chunk)) yield chunk
}
