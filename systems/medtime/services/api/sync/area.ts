import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { decodeRequests } from '../encoding/request-body.ts'
import { type Area, admitted, identityOf } from '../http/area.ts'
import { noteBegun } from '../http/lasting.ts'
import type { Metrics, SyncStatus } from '../http/metrics.ts'
import { readInput } from '../http/read-input.ts'
import { keptOnSuccess } from '../kept-on-success.ts'
import { configOf } from './config.ts'
import { createCursors } from './cursor.ts'
import type { Channel } from './events/channel.ts'
import { createStreams } from './events/streams.ts'
import { tokenEnds } from './events/token-life.ts'
import { pull } from './pull.ts'
import { push } from './push.ts'
import { rotate } from './rotate.ts'
import { syncRoutes as routes } from './routes.ts'
import { status } from './status.ts'
import type { Store } from './store.ts'
import { bodyLimit, eventsQuery, type PushRequest, pullQuery, type RotateRequest } from './wire.ts'

export interface SyncArea extends Area {
  /** Resolves when sync can be served. */
  ready(): Promise<void>
}

export interface SyncParts {
  store: Store
  metrics: Metrics
  now: () => number
  /** Between this instance and the others. */
  channel: Channel
  /** Whether a session of a user still goes on. */
  sessionLives: (user: string, session: string) => Promise<boolean>
}

export function syncArea({ store, metrics, now, channel, sessionLives }: SyncParts): SyncArea {
  const cursors = keptOnSuccess(async () => createCursors(await store.cursorKey()))
  const streams = createStreams({ key: store.cursorKey, channel, now })
  const context = async () => ({ store, metrics, now, cursors: await cursors() })
  return {
    routes,
    ready: async () => void (await cursors()),
    register: (server, gate) => {
      measure(server, metrics)
      decodeRequests(server, bodyLimit)
      const writing = async (reply: FastifyReply) => ({
        ...(await context()),
        onRemaining: (bytes: number) => void reply.header('x-storage-remaining', String(bytes)),
        onChange: streams.changed,
      })
      server.post<{ Body: PushRequest }>(
        routes.push.path,
        {
          schema: { body: z.toJSONSchema(routes.push.body, { target: 'draft-7', io: 'input' }) },
          // Counted while the body comes in and is looked at.
          onRequest: gate.authenticateAhead,
        },
        async (request, reply) =>
          push(identityOf(request), request.body, { ...(await writing(reply)), admitted: () => admitted(request) }),
      )
      server.post<{ Body: RotateRequest }>(
        routes.rotate.path,
        {
          schema: { body: z.toJSONSchema(routes.rotate.body, { target: 'draft-7', io: 'input' }) },
          onRequest: gate.authenticate,
        },
        async (request, reply) => rotate(identityOf(request), request.body, await writing(reply)),
      )
      server.get(routes.pull.path, { onRequest: gate.authenticateAhead }, async (request) => {
        const query = readInput(pullQuery, request.query)
        // Counted while the page is read.
        const [page] = await Promise.all([pull(identityOf(request).user, query, await context()), admitted(request)])
        return page
      })
      server.get(routes.events.path, { onRequest: gate.authenticate }, async (request, reply) => {
        const { device_id: device } = readInput(eventsQuery, request.query)
        const { user, session } = identityOf(request)
        // There is no body to wait for.
        if (request.method === 'HEAD') return reply.type('text/event-stream; charset=utf-8').send()
        await streams.claim(user, device)
        const epoch = async () => (await store.status(user, 1)).epoch
        const lives = async () => session === undefined || sessionLives(user, session)
        void reply.code(200).hijack()
        noteBegun(request, reply.elapsedTime)
        const until = tokenEnds(request.headers.authorization)
        const stream = { user, device, until, session, lives, epoch }
        await streams.open(stream, reply.raw, textHeaders(reply.getHeaders()))
      })
      server.addHook('preClose', async () => streams.close())
      server.addHook('onClose', async () => channel.close())
      server.get(routes.config.path, { onRequest: gate.authenticate }, async (request) =>
        configOf(identityOf(request).tier),
      )
      server.get(routes.status.path, { onRequest: gate.authenticate }, async (request) =>
        status(identityOf(request).user, await context()),
      )
    },
  }
}

const operations = new Map<string, 'push' | 'pull' | 'status'>([
  [routes.push.path, 'push'],
  [routes.pull.path, 'pull'],
  [routes.status.path, 'status'],
])

/** Counts and times every operation, those whose client went away before the answer as well. */
function measure(server: FastifyInstance, metrics: Metrics): void {
  // A stream that waits for changes is no work that waits to be done.
  const counts = (path: string | undefined) => path !== routes.events.path
  server.addHook('onRequest', async ({ routeOptions }) => {
    if (counts(routeOptions.url)) metrics.syncStarted()
  })
  server.addHook('onResponse', async ({ routeOptions }, reply) => {
    if (counts(routeOptions.url)) metrics.syncEnded()
    const operation = operations.get(routeOptions.url ?? '')
    if (operation !== undefined) metrics.sync(operation, syncStatus(reply.statusCode), reply.elapsedTime / 1000)
  })
}

function textHeaders(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

function syncStatus(status: number): SyncStatus {
  if (status < 400) return 'success'
  if (status === 409) return 'conflict'
  if (status === 410 || status === 412) return 'expired'
  return status < 500 ? 'rejected' : 'failure'
}
