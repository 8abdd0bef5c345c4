import { createHash, timingSafeEqual } from 'node:crypto'
import type { Readable } from 'node:stream'
import { ApiError } from '../http/api-error.ts'

/** The bytes of a file, whole and verified. */
export interface Received {
  bytes: Buffer
  /** SHA-256, hex. */
  checksum: string
}

/**
 * Takes a file in, hashing it as it comes. Nothing of it is stored before the last byte fits: a phone that breaks off leaves no trace,
 * and no connection of the database waits for one.
 * @throws ApiError BODY_TOO_LARGE as soon as it is, DIGEST_MISMATCH at the end, BAD_REQUEST for nothing at all or a connection that broke.
 */
export function receive(source: Readable, digest: Uint8Array, limit: number): Promise<Received> {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256')
    const chunks: Buffer[] = []
    let length = 0
    const onData = (chunk: Buffer) => {
      length += chunk.length
      if (length > limit) return finish(new ApiError('BODY_TOO_LARGE'))
      hash.update(chunk)
      chunks.push(chunk)
    }
    const onEnd = () => {
      const found = hash.digest()
      if (length === 0) finish(new ApiError('BAD_REQUEST', { message: 'Malformed: an empty body' }))
      else if (!timingSafeEqual(found, digest)) finish(new ApiError('DIGEST_MISMATCH'))
      else finish({ bytes: Buffer.concat(chunks, length), checksum: found.toString('hex') })
    }
    const onBroken = () => finish(new ApiError('BAD_REQUEST', { message: 'Malformed: the body broke off' }))
    const finish = (result: Received | ApiError) => {
      source.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken)
      // A later failure of the connection is nobody's concern here.
      source.on('error', () => undefined)
      source.resume()
      if (result instanceof ApiError) reject(result)
      else resolve(result)
    }
    source.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken)
  })
}
