import { type Readable, Transform } from 'node:stream'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { ApiError } from '../http/api-error.ts'

/** How a request may be compressed. */
export const requestEncodings = ['gzip', 'zstd'] as const
export type RequestEncoding = (typeof requestEncodings)[number]

/** What the framework asks of a body that it did not read from the wire itself. */
type DecodedBody = Readable & { receivedEncodedLength: number }

/** A frame of zstd says how much memory its reader needs, up to 2 GB; no honest body of ours needs more than this, 8 MB. */
const zstdWindowLog = 23

/**
 * Lets requests of this scope be compressed, after whatever `onRequest` lets in. The limit holds for what comes over the wire
 * and for what it becomes; a bomb is refused once it has unfolded to the limit, however much was to come.
 * @param limit bytes
 */
export function decodeRequests(server: FastifyInstance, limit: number): void {
  server.addHook('preParsing', (request, _reply, payload, done) => {
    const named = request.headers['content-encoding']
    // What a GET carries is read by nobody.
    if (named === undefined || named === 'identity' || request.method === 'GET' || request.method === 'HEAD') {
      done(null, payload)
      return
    }
    const encoding = requestEncodings.find((known) => known === named.toLowerCase())
    if (encoding === undefined) done(new ApiError('UNSUPPORTED_MEDIA_TYPE'))
    else done(null, decoded(payload, encoding, limit))
  })
}

/**
 * The body behind an encoding. Fails with ApiError BODY_TOO_LARGE above the limit, BAD_REQUEST where the encoding is broken or
 * breaks off. The source is never destroyed: its connection still has to carry the answer.
 */
export function decoded(source: Readable, encoding: RequestEncoding, limit: number): DecodedBody {
  const decoder = encoding === 'gzip' ? createGunzip() : createZstdDecompress(zstdOptions)
  let bytes = 0
  const body = Object.assign(
    new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        bytes += chunk.length
        if (bytes > limit) done(new ApiError('BODY_TOO_LARGE'))
        else done(null, chunk)
      },
    }),
    { receivedEncodedLength: 0 },
  )
  source.on('data', (chunk: Buffer) => {
    body.receivedEncodedLength += chunk.length
    if (body.receivedEncodedLength > limit) body.destroy(new ApiError('BODY_TOO_LARGE'))
  })
  source.on('error', (error) => body.destroy(error))
  decoder.on('error', () => body.destroy(new ApiError('BAD_REQUEST', { message: 'Malformed: the compressed body' })))
  // Whoever reads the body hears of it as well. Where nobody does, as with another media type, an error that nobody hears would
  // end the process for everybody.
  body.on('error', () => undefined)
  // Whoever fails first, the others stop working; what still comes over the wire is dropped.
  body.on('close', () => {
    source.unpipe(decoder)
    source.resume()
    decoder.destroy()
  })
  source.pipe(decoder).pipe(body)
  return body
}

const zstdOptions = { params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog } }
