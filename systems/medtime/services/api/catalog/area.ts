import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { normalise } from '../../../client/catalog/normalise.ts'
import { parseQuery } from '../../../client/catalog/query.ts'
import { tellResults } from '../../../client/catalog/result.ts'
import type { Database } from '../database.ts'
import { acceptedEncoding } from '../encoding/answer.ts'
import { ApiError } from '../http/api-error.ts'
import type { Area } from '../http/area.ts'
import type { Metrics } from '../http/metrics.ts'
import { readInput } from '../http/read-input.ts'
import { routerPath } from '../http/route.ts'
import { createAnswerCache, type SharedCache } from './answer-cache.ts'
import { etagOf, isHeld } from './etag.ts'
import { createDownloads } from './packed-download.ts'
import { presentVersion } from './present-version.ts'
import { catalogRoutes as routes } from './routes.ts'
import { type CatalogStore, createCatalogStore } from './store.ts'
import { downloadQuery, type MedicineAnswer, medicinePath, type SearchAnswer, searchQuery } from './wire.ts'

export interface CatalogParts {
  database: Database
  metrics: Pick<Metrics, 'cache'>
  /** Where instances share answers; each has its own cache beside it. */
  shared: SharedCache | undefined
  /** Milliseconds since the epoch. */
  now: () => number
}

/**
 * The catalog of medicines. What a person searches for tells of their health: it is in no log, no label and no error, and what is
 * cached knows of no user.
 */
export function catalogArea({ database, metrics, shared, now }: CatalogParts): Area {
  const store = createCatalogStore(database)
  const present = presentVersion(store.version, now)
  const cache = createAnswerCache({ now, shared, onLookUp: metrics.cache })
  const downloads = createDownloads(store.changes)
  const path = (route: keyof typeof routes) => routerPath(routes[route])
  return {
    routes,
    register: (server, { authenticate }) => {
      server.get(path('search'), { onRequest: authenticate }, async (request, reply) => {
        const { q, lang, limit } = readInput(searchQuery, request.query)
        const key = cacheKey(await present.get(), 'search', lang, limit, normalise(q))
        return send(request, reply, await cache.answer(key, () => search(store, present.note, { q, lang, limit })))
      })
      server.get(path('download'), { onRequest: authenticate }, async (request, reply) => {
        const { since } = readInput(downloadQuery, request.query)
        const download = await downloads.get(await present.get(), since)
        void reply.header('etag', download.etag).header('cache-control', 'private, no-cache')
        void reply.header('vary', 'accept-encoding')
        if (isHeld(download.etag, request.headers['if-none-match'])) return reply.code(304).send()
        const encoding = acceptedEncoding(request.headers['accept-encoding'])
        if (encoding !== undefined) void reply.header('content-encoding', encoding)
        return reply.type('application/json; charset=utf-8').send(await download.bytes(encoding))
      })
      server.get(path('medicine'), { onRequest: authenticate }, async (request, reply) => {
        const params = medicinePath.safeParse(request.params)
        if (!params.success) throw new ApiError('NOT_FOUND')
        const key = cacheKey(await present.get(), 'medicine', params.data.id)
        return send(request, reply, await cache.answer(key, () => medicine(store, params.data.id)))
      })
    },
  }
}

async function search(
  store: CatalogStore,
  note: (version: number) => void,
  { q, lang, limit }: z.output<typeof searchQuery>,
): Promise<string> {
  const query = parseQuery(q)
  if (query.text === '') return JSON.stringify({ version: await store.version(), results: [] } satisfies SearchAnswer)
  const { version, found } = await store.search(query, limit)
  note(version)
  return JSON.stringify({ version, results: tellResults(q, found, lang) } satisfies SearchAnswer)
}

async function medicine(store: CatalogStore, id: string): Promise<string> {
  const answer: MedicineAnswer | undefined = await store.medicine(id)
  if (answer === undefined) throw new ApiError('NOT_FOUND')
  return JSON.stringify(answer)
}

/** The client keeps the answer and asks whether it is still true; nobody on the way keeps it. */
function send(request: FastifyRequest, reply: FastifyReply, answer: string): FastifyReply {
  const etag = etagOf(answer)
  void reply.header('etag', etag).header('cache-control', 'private, no-cache')
  if (isHeld(etag, request.headers['if-none-match'])) return reply.code(304).send()
  return reply.type('application/json; charset=utf-8').send(answer)
}

/** No key shows what was asked for: keys stand in statistics and slow logs of caches. */
function cacheKey(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}
