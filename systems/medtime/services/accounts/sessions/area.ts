import { z } from 'zod'
import { ApiError } from '../../api/http/api-error.ts'
import { type Area, identityOf } from '../../api/http/area.ts'
import { errorAnswer } from '../../api/http/error-answer.ts'
import { failures, type RouteDescription, routerPath } from '../../api/http/route.ts'
import { deviceId } from '../token/wire.ts'
import type { Sessions } from './sessions.ts'

const session = z.object({
  session_id: z.guid(),
  device_id: deviceId,
  created_at: z.iso.datetime(),
  refreshed_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  current: z.boolean().describe('The one this request came with.'),
})

const params = z.strictObject({ id: z.guid() })

const routes = {
  list: {
    method: 'GET',
    path: '/auth/sessions',
    summary: 'Where this person is signed in, oldest first',
    authenticated: true,
    answers: { 200: z.object({ sessions: z.array(session) }), ...failures },
  },
  end: {
    method: 'DELETE',
    path: '/auth/sessions/{id}',
    summary: 'Signs out there: what it holds is refused at once',
    authenticated: true,
    params,
    answers: { 200: z.object({ ended: z.literal(true) }), 400: errorAnswer, 404: errorAnswer, ...failures },
  },
} as const satisfies Record<string, RouteDescription>

export function sessionsArea(sessions: Sessions): Area {
  return {
    routes,
    register: (server, gate) => {
      server.get(routes.list.path, { onRequest: gate.authenticate }, async (request) => {
        const { user, session: current } = identityOf(request)
        return {
          sessions: (await sessions.list(user)).map((each) => ({
            session_id: each.id,
            device_id: each.device,
            created_at: each.createdAt.toISOString(),
            refreshed_at: each.refreshedAt.toISOString(),
            expires_at: each.expiresAt.toISOString(),
            current: each.id === current,
          })),
        }
      })
      server.delete(routerPath(routes.end), { onRequest: gate.authenticate }, async (request) => {
        const asked = params.safeParse(request.params)
        if (!asked.success) throw new ApiError('BAD_REQUEST')
        const ended = await sessions.end(identityOf(request).user, asked.data.id.toLowerCase())
        if (!ended) throw new ApiError('NOT_FOUND')
        return { ended: true }
      })
    },
  }
}
