import type { FastifyInstance, FastifyRequest } from 'fastify'
import { correlationIdOf, runIn } from './trace-context.ts'
import type { OpenSpan, Tracer } from './tracer.ts'

type RequestSpan = OpenSpan<'method' | 'endpoint' | 'status_code'>

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until it is observed. A member and no map beside the requests: those that forget by themselves are dear to collect. */
    openSpan: RequestSpan | null
    /** What its connection had sent before it, bytes. */
    sentBefore: number
  }
}

/** What is known of a request once it was answered. */
export interface Answered {
  method: string
  /** The route as it was declared, `{name}` for what varies, `other` for what has none: never the address that was asked for, nor its query. */
  endpoint: string
  status: number
  milliseconds: number
  /** Sent on its connection meanwhile, head and body, as they were compressed; without what TLS adds. */
  bytes: number
  request: FastifyRequest
}

/**
 * Runs each request of a Fastify server in a span and a context of its own, taken over from `traceparent` and `X-Correlation-ID` where they
 * came along, and answers with the latter. To be called once, before any other hook is added, so that all of them run in the context.
 *
 * @param options.tracer without it requests run in no context, and are told of all the same
 * @param options.correlationHeader as the plan has it, in small letters
 * @param options.answered told of each request, also when the client went away before its answer; counts it and writes the line of the access log
 */
export function observeRequests(
  server: FastifyInstance,
  options: {
    tracer?: Tracer<'request', 'method' | 'endpoint' | 'status_code'> | undefined
    correlationHeader?: string
    answered?: (answered: Answered) => void
  },
): void {
  const { tracer, answered } = options
  server.decorateRequest('openSpan', null)
  server.decorateRequest('sentBefore', 0)
  server.addHook('onRequest', (request, _reply, done) => {
    request.sentBefore = sentOn(request)
    done()
  })
  if (tracer !== undefined) runInSpans(server, tracer, options.correlationHeader ?? 'x-correlation-id')
  const endpoints = new Map<string, string>()
  const endpointOf = (route: string | undefined) => {
    if (route === undefined) return 'other'
    const known = endpoints.get(route)
    if (known !== undefined) return known
    const endpoint = route.replace(/:(\w+)/g, '{$1}')
    endpoints.set(route, endpoint)
    return endpoint
  }
  server.addHook('onResponse', (request, reply, done) => {
    const endpoint = endpointOf(request.routeOptions.url)
    const { method } = request
    const status = reply.statusCode
    request.openSpan?.end({ method, endpoint, status_code: status }, status >= 500)
    const bytes = sentOn(request) - request.sentBefore
    answered?.({ method, endpoint, status, milliseconds: reply.elapsedTime, bytes, request })
    done()
  })
}

function runInSpans(
  server: FastifyInstance,
  tracer: Tracer<'request', 'method' | 'endpoint' | 'status_code'>,
  correlationHeader: string,
): void {
  server.addHook('onRequest', (request, reply, done) => {
    const span = tracer.begin('request', 'server', {
      // Of a server that makes its own ids of requests, they are one and the same.
      correlationId: isUuid(request.id) ? request.id : textOf(request.headers[correlationHeader]),
      traceparent: textOf(request.headers['traceparent']),
    })
    request.openSpan = span
    reply.header(correlationHeader, span.context.correlationId)
    runIn(span.context, done)
  })
  // A body comes in by events of its connection, which knows nothing of the request.
  server.addHook('preValidation', (request, _reply, done) => {
    if (request.openSpan === null) done()
    else runIn(request.openSpan.context, done)
  })
}

/** Nothing for a request that came over no connection. */
function sentOn({ socket }: FastifyRequest): number {
  return Number.isFinite(socket.bytesWritten) ? socket.bytesWritten : 0
}

function isUuid(id: string): boolean {
  // What is none is replaced, which costs a random number.
  return id.length === 36 && correlationIdOf(id) === id
}

/** A header that came more than once is none. */
function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined
}
