import { constants, gzip, zstdCompress } from 'node:zlib'
import type { FastifyInstance } from 'fastify'

/** Answers above this many characters are compressed. */
export const compressAbove = 1_024

type AnswerEncoding = 'gzip' | 'zstd'

/** Blobs are ciphertext in base64: one pass finds all there is to gain, a quarter. */
const gzipOptions = { level: 1 }
const zstdOptions = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/**
 * Compresses JSON above 1 KB for clients that accept gzip or zstd. The others, and small answers, go out as before. It is done
 * in the thread pool: no other request waits for it.
 */
export function encodeAnswers(server: FastifyInstance): void {
  server.addHook('onSend', (request, reply, payload, done) => {
    if (typeof payload !== 'string' || payload.length <= compressAbove || !isJson(reply.getHeader('content-type'))) {
      done(null, payload)
      return
    }
    // A cache in between must not give the one form to who asked for the other.
    void reply.header('vary', varied(reply.getHeader('vary')))
    const encoding = acceptedEncoding(request.headers['accept-encoding'])
    if (encoding === undefined) {
      done(null, payload)
      return
    }
    const finish = (error: Error | null, compressed: Buffer) => {
      if (error !== null) {
        done(null, payload)
        return
      }
      void reply.header('content-encoding', encoding)
      void reply.removeHeader('content-length')
      done(null, compressed)
    }
    if (encoding === 'zstd') zstdCompress(payload, zstdOptions, finish)
    else gzip(payload, gzipOptions, finish)
  })
}

/** The better of what a client accepts, RFC 9110 §12.5.3; undefined when the answer must stay as it is. */
export function acceptedEncoding(header: string | string[] | undefined): AnswerEncoding | undefined {
  if (header === undefined) return undefined
  const qualities = new Map<string, number>()
  for (const item of String(header).toLowerCase().split(',')) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim())
    const quality = parameters.find((parameter) => parameter.startsWith('q='))
    qualities.set(name, quality === undefined ? 1 : Number(quality.slice(2)))
  }
  const qualityOf = (name: string) => qualities.get(name) ?? qualities.get('*') ?? 0
  const [zstd, gzipped] = [qualityOf('zstd'), qualityOf('gzip')]
  if (!(zstd > 0) && !(gzipped > 0)) return undefined
  return zstd >= gzipped ? 'zstd' : 'gzip'
}

function isJson(type: unknown): boolean {
  return typeof type === 'string' && /^application\/(problem\+)?json\b/.test(type)
}

function varied(present: unknown): string {
  return typeof present === 'string' && present !== '' ? `${present}, accept-encoding` : 'accept-encoding'
}
