import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { encodeAnswers } from './encoding/answer.ts'
import { answerError } from './http/answer-error.ts'
import { ApiError } from './http/api-error.ts'
import type { Area } from './http/area.ts'
import {
  createListener,
  type Patience,
  readToTheEnd,
  refuseUnreadable,
  requireHost,
  usualPatience,
} from './http/listener.ts'
import type { Log } from './http/log.ts'
import type { HttpMetrics } from './http/metrics.ts'
import { observe } from './http/observe.ts'
import { answerOrigins } from './http/origins.ts'
import { secureHeaders, securityHeaders } from './http/secure-headers.ts'
import type { ServiceTracer } from './http/service-telemetry.ts'
import type { Certificate } from './http/tls.ts'
import type { Identity, TokenChecker } from './identity/token.ts'
import { limitRequests } from './limits/limit-requests.ts'
import type { Limiter } from './limits/limiter.ts'

export interface ServerParts {
  areas: readonly Area[]
  tokens: TokenChecker
  metrics: HttpMetrics
  log: Log
  /** Requests run in spans of it; in none unless given. */
  tracer?: ServiceTracer
  /** Largest body, in bytes. */
  bodyLimit: number
  limiter: Limiter
  /** Proxies, as addresses or networks, that are believed when they tell whom they speak for. */
  trustedProxies: readonly string[]
  /** Whether requests from an address are not counted; never in production. */
  exempt: (address: string) => boolean
  /** Origins whose pages may ask; none unless given. */
  origins?: readonly string[]
  /** Speaks TLS 1.3 with it; plain HTTP, behind a gateway that ends TLS, unless given. */
  certificate?: Certificate | undefined
  patience?: Patience
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until the token was checked. */
    identity: Identity | null
    /** Null until it is being counted; rejects when a limit refuses it. */
    admission: Promise<void> | null
    /** Code of the error it was answered with. */
    failedWith: string | null
  }
}

const correlationId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const bearer = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i

const refusal = (thrown: unknown) => thrown

/** A service, not yet listening. */
export function createServer(parts: ServerParts): FastifyInstance {
  const { areas, metrics, log, bodyLimit } = parts
  const server = Fastify({
    logger: false,
    bodyLimit,
    // Read from the right: what a client wrote into the header itself stands left of the first address nobody vouches for.
    trustProxy: parts.trustedProxies.length > 0 ? [...parts.trustedProxies] : false,
    serverFactory: (listener) => createListener(listener, parts.patience ?? usualPatience, parts.certificate),
    forceCloseConnections: 'idle',
    // What still comes in on a connection while the service ends is answered as ever, and told that the connection ends.
    return503OnClosing: false,
    // A correlation id is taken over when it can be nothing else.
    genReqId: ({ headers }) => {
      const given = headers['x-correlation-id']
      return typeof given === 'string' && correlationId.test(given) ? given : randomUUID()
    },
    // What is sent is checked as it is: nothing is converted, completed or removed.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    // Members named __proto__ do no harm: bodies are checked, read member by member, and never merged.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    // What has no route runs no hook.
    frameworkErrors: (error, request, reply) => answerError(error, request, reply.headers(securityHeaders), log),
    clientErrorHandler: refuseUnreadable,
  })
  // The framework reads plain text as well; nothing here is told in it.
  server.removeContentTypeParser('text/plain')
  server.decorateRequest('identity', null)
  server.decorateRequest('admission', null)
  server.decorateRequest('failedWith', null)
  server.setErrorHandler(async (error, request, reply) => {
    // Whoever is at a limit is told that, whatever else is wrong.
    answerError(await Promise.resolve(request.admission).then(() => error, refusal), request, reply, log)
    // An answer that is being compressed is not sent yet: without this the framework would answer a second time.
    return reply
  })
  server.setNotFoundHandler((request, reply) => answerError(new ApiError('NOT_FOUND'), request, reply, log))
  // First, so that all that follows runs in the context of its request.
  observe(server, { metrics, log, tracer: parts.tracer })
  secureHeaders(server)
  requireHost(server)
  readToTheEnd(server)
  answerOrigins(server, parts.origins ?? [])
  encodeAnswers(server)

  const limits = limitRequests(server, {
    limiter: parts.limiter,
    routes: areas.flatMap(({ routes }) => Object.values(routes)),
    metrics,
    exempt: parts.exempt,
  })

  const authenticateAhead = async (request: FastifyRequest, reply: FastifyReply) => {
    const { authorization } = request.headers
    const token = authorization === undefined ? undefined : bearer.exec(authorization)?.[1]
    try {
      if (token === undefined) throw new ApiError('UNAUTHENTICATED')
      request.identity = await parts.tokens.check(token)
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.code === 'UNAUTHENTICATED') {
        metrics.refused(authorization !== undefined)
        await limits.tokenRefused(request, reply)
      }
      throw thrown
    }
    request.admission = limits.tokenAccepted(request, reply, request.identity)
    // Refused before anybody waits for it: no failure of the process.
    request.admission.catch(() => undefined)
  }
  const authenticate = async (request: FastifyRequest, reply: FastifyReply) => {
    await authenticateAhead(request, reply)
    await request.admission
  }

  for (const area of areas) server.register(async (scope) => area.register(scope, { authenticate, authenticateAhead }))
  return server
}
