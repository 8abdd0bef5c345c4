import { z } from 'zod'
import { ApiError } from './api-error.ts'
import type { Area } from './area.ts'
import { errorAnswer } from './error-answer.ts'
import type { HttpMetrics } from './metrics.ts'
import type { RouteDescription } from './route.ts'

const healthAnswer = z.object({ status: z.literal('ok') })

export const serviceRoutes = {
  health: {
    method: 'GET',
    path: '/health',
    summary: 'The process is alive',
    authenticated: false,
    limit: 'none',
    answers: { 200: healthAnswer },
  },
  ready: {
    method: 'GET',
    path: '/health/ready',
    summary: 'The service can serve',
    authenticated: false,
    limit: 'none',
    answers: { 200: healthAnswer, 503: errorAnswer },
  },
  metrics: {
    method: 'GET',
    path: '/metrics',
    summary: 'Measurements, in the text format of Prometheus',
    authenticated: false,
    limit: 'none',
    answers: { 200: 'text/plain' },
  },
  description: {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This description',
    authenticated: false,
    answers: { 200: 'application/json' },
  },
} as const satisfies Record<string, RouteDescription>

/**
 * What operators and tools ask of the service itself.
 * @param ready rejects while the service cannot serve
 * @param description of the whole API
 */
export function serviceArea(metrics: HttpMetrics, ready: () => Promise<void>, description: () => unknown): Area {
  return {
    routes: serviceRoutes,
    register: (server) => {
      server.get(serviceRoutes.health.path, async () => ({ status: 'ok' }))
      server.get(serviceRoutes.ready.path, async () => {
        await ready().catch(() => {
          throw new ApiError('UNAVAILABLE')
        })
        return { status: 'ok' }
      })
      server.get(serviceRoutes.metrics.path, async (_request, reply) => {
        return reply.type(metrics.contentType).send(await metrics.text())
      })
      server.get(serviceRoutes.description.path, async () => description())
    },
  }
}
