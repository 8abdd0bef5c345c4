import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Database } from '../database.ts'
import { ApiError } from '../http/api-error.ts'
import { type Area, identityOf } from '../http/area.ts'
import { readInput } from '../http/read-input.ts'
import { routerPath } from '../http/route.ts'
import { keptOnSuccess } from '../kept-on-success.ts'
import { createStore } from '../sync/store.ts'
import { tellInvite, tellLinks } from './answers.ts'
import { createFamilyCursors } from './cursor.ts'
import { pullFamily } from './pull.ts'
import { familyRoutes as routes } from './routes.ts'
import { createFamilyStore } from './store.ts'
import { type Acceptance, type InviteRequest, peer, type Revelation, type SealedKey, supervisedPath } from './wire.ts'

/** Bytes of one request; sixty-four sealed keys take a third of it. */
const bodyLimit = 65_536

/** Invites, links, keys for supervisors, and what they may read. */
export function familyArea({ database }: { database: Database }): Area {
  const store = createFamilyStore(database)
  const cursors = keptOnSuccess(async () => createFamilyCursors(await createStore(database).cursorKey()))
  return {
    routes,
    register: (server, { authenticate }) => {
      const reading = { onRequest: authenticate }
      const writing = (body: z.ZodType) => ({
        bodyLimit,
        schema: { body: z.toJSONSchema(body, { target: 'draft-7', io: 'input' }) },
        onRequest: [authenticate, refuseEncoded],
      })
      const path = (route: keyof typeof routes) => routerPath(routes[route])

      server.post<{ Body: InviteRequest }>(path('invite'), writing(routes.invite.body), async (request) => {
        await store.invite(identityOf(request).user, {
          ...request.body,
          invite_id: request.body.invite_id.toLowerCase(),
        })
        return {}
      })
      server.get(path('invites'), reading, async (request) => {
        const invites = await store.invites(identityOf(request).user)
        return { invites: invites.map(tellInvite) }
      })
      server.delete(path('withdraw'), reading, async (request) => {
        await store.withdraw(identityOf(request).user, idOf(request))
        return {}
      })
      server.post<{ Body: Acceptance }>(path('accept'), writing(routes.accept.body), async (request) => {
        const { supervised, invite_id, secret } = request.body
        const made = await store.accept(
          identityOf(request).user,
          { ...request.body, supervised: supervised.toLowerCase(), invite_id: invite_id.toLowerCase() },
          createHash('sha256').update(Buffer.from(secret, 'base64')).digest(),
        )
        return { ...made, expires_at: made.expires_at.toISOString() }
      })
      server.get(path('links'), reading, async (request) => {
        const { user } = identityOf(request)
        return tellLinks(user, await store.links(user))
      })
      server.post<{ Body: Revelation }>(path('reveal'), writing(routes.reveal.body), async (request) => {
        await store.reveal(identityOf(request).user, idOf(request), request.body)
        return {}
      })
      for (const [name, bring] of [['confirm', store.confirm] as const, ['deliver', store.deliver] as const]) {
        server.post<{ Body: { keys: SealedKey[] } }>(path(name), writing(routes[name].body), async (request) => {
          await bring(identityOf(request).user, idOf(request), request.body.keys)
          return {}
        })
      }
      for (const [name, end] of [['revoke', store.revoke] as const, ['giveUp', store.giveUp] as const]) {
        server.delete(path(name), reading, async (request) => {
          await end(identityOf(request).user, idOf(request))
          return {}
        })
      }
      server.get(path('keys'), reading, async (request) => {
        const supervised = supervisedOf(request)
        const keys = await store.keys(identityOf(request).user, supervised)
        return { keys: keys.map(({ sealed, ...key }) => ({ ...key, sealed: sealed.toString('base64') })) }
      })
      server.get(path('pull'), reading, async (request) => {
        const supervised = supervisedOf(request)
        const query = readInput(routes.pull.query, request.query)
        return pullFamily(identityOf(request).user, supervised, query, { database, cursors: await cursors() })
      })
    },
  }
}

/** Whom or what a path names, in small letters as the database has them. */
const idOf = ({ params }: FastifyRequest) => readInput(peer, params).id.toLowerCase()
const supervisedOf = ({ params }: FastifyRequest) => readInput(supervisedPath, params).supervised.toLowerCase()

/** A compressed body would be read as damaged JSON; the client learns that it is the encoding. */
async function refuseEncoded({ headers }: FastifyRequest): Promise<void> {
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') throw new ApiError('UNSUPPORTED_MEDIA_TYPE')
}
