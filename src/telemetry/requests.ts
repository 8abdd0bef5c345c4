import type { FastifyInstance, FastifyRequest } from 'fastify'
import { correlationIdOf, runIn } from './trace-context.ts'
import type { OpenSpan, Tracer } from './tracer.ts'

/** What is known of a request once it was answered. */
export interface Answered {
  method: string
  /** The route as it was declared, `{name}` for what varies, `other` for what has none: never the address that was asked for, nor its query. */
  endpoint: string
  status: number
  milliseconds: number
  request: FastifyRequest
}

/**
 * Runs each request of a Fastify server in a span and a context of its own, taken over from `traceparent` and `X-Correlation-ID` where they
 * came along, and answers with the latter. To be called before any other hook is added, so that all of them run in the context.
 *
 * @param options.correlationHeader as the plan has it, in small letters
 * @param options.answered told of each request, also when the client went away before its answer; counts it and writes the line of the access log
 */
export function observeRequests(
  server: FastifyInstance,
  options: {
    tracer: Tracer<'request', 'method' | 'endpoint' | 'status_code'>
    correlationHeader?: string
    answered?: (answered: Answered) => void
  },
): void {
  const { tracer, correlationHeader = 'x-correlation-id', answered } = options
  const spans = new WeakMap<FastifyRequest, OpenSpan<'method' | 'endpoint' | 'status_code'>>()
  server.addHook('onRequest', (request, reply, done) => {
    const given = request.headers[correlationHeader]
    const traceparent = request.headers['traceparent']
    const span = tracer.begin('request', 'server', {
      // Of a server that makes its own ids of requests, they are one and the same.
      correlationId: isUuid(request.id) ? request.id : correlationIdOf(given),
      ...(typeof traceparent === 'string' ? { traceparent } : {}),
    })
    spans.set(request, span)
    reply.header(correlationHeader, span.context.correlationId)
    runIn(span.context, done)
  })
  // A body comes in by events of its connection, which knows nothing of the request.
  server.addHook('preValidation', (request, _reply, done) => {
    const span = spans.get(request)
    if (span === undefined) done()
    else runIn(span.context, done)
  })
  server.addHook('onResponse', (request, reply, done) => {
    const endpoint = (request.routeOptions.url ?? 'other').replace(/:(\w+)/g, '{$1}')
    const { method } = request
    const status = reply.statusCode
    spans.get(request)?.end({ method, endpoint, status_code: status }, status >= 500)
    answered?.({ method, endpoint, status, milliseconds: reply.elapsedTime, request })
    done()
  })
}

function isUuid(id: string): boolean {
  return correlationIdOf(id) === id
}
