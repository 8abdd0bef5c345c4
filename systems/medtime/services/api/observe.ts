import type { FastifyInstance } from 'fastify'
import type { Log } from './log.ts'
import type { Metrics, SyncStatus } from './metrics.ts'
import { routes } from './routes.ts'

type SyncOperation = 'push' | 'pull' | 'status'

const operations = new Map<string, SyncOperation>([
  [routes.push.path, 'push'],
  [routes.pull.path, 'pull'],
  [routes.status.path, 'status'],
])

/** Measures and logs every request by its route, its status and its time. */
export function observe(server: FastifyInstance, metrics: Metrics, log: Log): void {
  server.addHook('onRequest', async ({ routeOptions }) => {
    if (operations.has(routeOptions.url ?? '')) metrics.syncStarted()
  })
  // Also runs when the client went away before its answer.
  server.addHook('onResponse', async (request, reply) => {
    const endpoint = request.routeOptions.url ?? 'other'
    const milliseconds = reply.elapsedTime
    const { statusCode } = reply
    metrics.request({
      method: request.method,
      endpoint,
      status: statusCode,
      tier: request.identity?.tier ?? 'none',
      seconds: milliseconds / 1000,
      errorCode: request.failedWith ?? undefined,
    })
    const operation = operations.get(endpoint)
    if (operation !== undefined) {
      metrics.syncEnded()
      metrics.sync(operation, syncStatus(statusCode), milliseconds / 1000)
    }
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

function syncStatus(status: number): SyncStatus {
  if (status < 400) return 'success'
  if (status === 409) return 'conflict'
  if (status === 410) return 'expired'
  return status < 500 ? 'rejected' : 'failure'
}
