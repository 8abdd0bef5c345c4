import type { FastifyInstance } from 'fastify'

/*
 * For browsers, should one ever show an answer: it is taken for what it says it is, runs nothing, is framed nowhere, and no page
 * learns from where it was reached. Nothing here is kept by a cache unless the route says so.
 */
export const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  // Over plain HTTP, as behind a gateway that ends TLS, browsers pass it by.
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

/** Puts the security headers on every answer, errors included. */
export function secureHeaders(server: FastifyInstance): void {
  server.addHook('onRequest', (_request, reply, done) => {
    void reply.headers(securityHeaders)
    done()
  })
}
