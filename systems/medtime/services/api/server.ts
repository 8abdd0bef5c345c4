import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { z } from 'zod'
import { answerError, placesOf } from './answer-error.ts'
import { ApiError } from './api-error.ts'
import { type Cursors, createCursors } from './cursor.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { observe } from './observe.ts'
import { describeApi } from './openapi.ts'
import { pull } from './pull.ts'
import { push } from './push.ts'
import { routes } from './routes.ts'
import { status } from './status.ts'
import type { Store } from './store.ts'
import type { Identity, TokenChecker } from './token.ts'
import { bodyLimit, type PushRequest, pullQuery } from './wire.ts'

export interface ServerParts {
  store: Store
  tokens: TokenChecker
  metrics: Metrics
  log: Log
  /** Milliseconds since the epoch. */
  now: () => number
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until the token was checked. */
    identity: Identity | null
    /** Code of the error it was answered with. */
    failedWith: string | null
  }
}

const requestTimeoutMs = 30_000
const correlationId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const bearer = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i

/** The API, not yet listening. */
export function createServer(parts: ServerParts): FastifyInstance {
  const { store, metrics, log } = parts
  const server = Fastify({
    logger: false,
    bodyLimit,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: 'idle',
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
    frameworkErrors: (error, request, reply) => answerError(error, request, reply, log),
    // What could not be read as HTTP has no reply.
    clientErrorHandler: (_error, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    },
  })
  // The framework reads plain text as well; nothing here is told in it.
  server.removeContentTypeParser('text/plain')
  server.decorateRequest('identity', null)
  server.decorateRequest('failedWith', null)
  server.setErrorHandler((error, request, reply) => answerError(error, request, reply, log))
  server.setNotFoundHandler((request, reply) => answerError(new ApiError('NOT_FOUND'), request, reply, log))
  observe(server, metrics, log)

  const cursors = keptOnSuccess(async () => createCursors(await store.cursorKey()))
  const context = async () => ({ store, metrics, now: parts.now, cursors: await cursors() })
  const authenticate = async (request: FastifyRequest) => {
    const { authorization } = request.headers
    const token = authorization === undefined ? undefined : bearer.exec(authorization)?.[1]
    try {
      if (token === undefined) throw new ApiError('UNAUTHENTICATED')
      request.identity = await parts.tokens.check(token)
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.code === 'UNAUTHENTICATED') metrics.refused(authorization !== undefined)
      throw thrown
    }
  }

  server.post<{ Body: PushRequest }>(
    routes.push.path,
    {
      schema: { body: z.toJSONSchema(routes.push.body, { target: 'draft-7', io: 'input' }) },
      onRequest: [authenticate, refuseEncoded],
    },
    async (request) => push(userOf(request), request.body, await context()),
  )
  server.get(routes.pull.path, { onRequest: authenticate }, async (request) => {
    const query = pullQuery.safeParse(request.query)
    if (!query.success) throw new ApiError('BAD_REQUEST', { message: placesOf(query.error) })
    return pull(userOf(request), query.data, await context())
  })
  server.get(routes.status.path, { onRequest: authenticate }, async (request) =>
    status(userOf(request), await context()),
  )

  server.get(routes.health.path, async () => ({ status: 'ok' }))
  server.get(routes.ready.path, async (_request, reply) => {
    try {
      await Promise.all([store.ready(), cursors()])
      return { status: 'ok' }
    } catch {
      return reply.code(503).send({ status: 'unavailable' })
    }
  })
  server.get(routes.metrics.path, async (_request, reply) => {
    return reply.type(metrics.contentType).send(await metrics.text())
  })
  const description = describeApi()
  server.get(routes.description.path, async () => description)
  return server
}

function userOf({ identity }: FastifyRequest): string {
  if (identity === null) throw new ApiError('UNAUTHENTICATED')
  return identity.user
}

/** A compressed body would be read as damaged JSON; the client learns that it is the encoding. */
async function refuseEncoded({ headers }: FastifyRequest): Promise<void> {
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') throw new ApiError('UNSUPPORTED_MEDIA_TYPE')
}

/** Asks until it succeeds once, and keeps that; while one asks, the others wait for the same answer. */
function keptOnSuccess(ask: () => Promise<Cursors>): () => Promise<Cursors> {
  let kept: Promise<Cursors> | undefined
  return () => {
    kept ??= ask().catch((thrown: unknown) => {
      kept = undefined
      throw thrown
    })
    return kept
  }
}
