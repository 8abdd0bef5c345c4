import { observeRequests } from 'aval/telemetry'
import type { FastifyInstance } from 'fastify'
import { begunAfter } from './lasting.ts'
import type { Log } from './log.ts'
import type { HttpMetrics } from './metrics.ts'
import type { ServiceTracer } from './service-telemetry.ts'

/** Measures and logs every request by its route, its status and its time; with a tracer each runs in a span of its own. */
export function observe(
  server: FastifyInstance,
  { metrics, log, tracer }: { metrics: HttpMetrics; log: Log; tracer: ServiceTracer | undefined },
): void {
  observeRequests(server, {
    tracer,
    answered: ({ method, endpoint, status, request, ...answered }) => {
      const milliseconds = begunAfter(request) ?? answered.milliseconds
      metrics.request({
        method,
        endpoint,
        status,
        tier: request.identity?.tier ?? 'none',
        seconds: milliseconds / 1000,
        bytes: answered.bytes,
        errorCode: request.failedWith ?? undefined,
      })
      log.info({
        event: 'request',
        request_id: request.id,
        method,
        endpoint,
        status_code: status,
        ...(request.failedWith === null ? {} : { error_code: request.failedWith }),
        duration_ms: Math.round(milliseconds * 10) / 10,
      })
    },
  })
}
