import type { FastifyInstance } from 'fastify'
import { ApiError } from './api-error.ts'

const methods = 'GET, POST, PUT, DELETE'
const requestHeaders = 'authorization, content-type, content-encoding, if-none-match, x-correlation-id'
const answerHeaders = 'etag, retry-after, x-correlation-id, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset'
/** How long a browser may remember that it is let in, seconds. */
const rememberSeconds = 600

/**
 * Pages of these origins may ask, TECH-INF-001 §7.3; pages of others are refused, whatever their browser would let them read.
 * Clients that are no browsers name no origin. Credentials are never allowed: tokens travel in a header of their own.
 */
export function answerOrigins(server: FastifyInstance, origins: readonly string[]): void {
  const listed = new Set(origins)
  server.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers
    void reply.header('vary', 'origin')
    if (origin === undefined) return
    if (!listed.has(origin)) throw new ApiError('ORIGIN_NOT_LISTED')
    void reply.headers({ 'access-control-allow-origin': origin, 'access-control-expose-headers': answerHeaders })
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return
    return reply
      .code(204)
      .headers({
        'access-control-allow-methods': methods,
        'access-control-allow-headers': requestHeaders,
        'access-control-max-age': rememberSeconds,
      })
      .send()
  })
}
