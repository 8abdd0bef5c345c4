import type { FastifyInstance } from 'fastify'
import { begunAfter } from './lasting.ts'
import type { Log } from './log.ts'
import type { HttpMetrics } from './metrics.ts'

/** Measures and logs every request by its route, its status and its time. */
export function observe(server: FastifyInstance, metrics: HttpMetrics, log: Log): void {
  // Also runs when the client went away before its answer.
  server.addHook('onResponse', async (request, reply) => {
    // As the plan and the description write it.
    const endpoint = (request.routeOptions.url ?? 'other').replace(/:(\w+)/g, '{$1}')
    const milliseconds = begunAfter(request) ?? reply.elapsedTime
    const { statusCode } = reply
    metrics.request({
      method: request.method,
      endpoint,
      status: statusCode,
      tier: request.identity?.tier ?? 'none',
      seconds: milliseconds / 1000,
      errorCode: request.failedWith ?? undefined,
    })
    log.info({
      event: 'request',
      request_id: request.id,
      method: request.method,
      endpoint,
      status_code: statusCode,
      ...(request.failedWith === null ? {} : { error_code: request.failedWith }),
      duration_ms: Math.round(milliseconds * 10) / 10,
    })
  })
}
