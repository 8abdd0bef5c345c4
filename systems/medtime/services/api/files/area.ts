import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import type { Database } from '../database.ts'
import { ApiError } from '../http/api-error.ts'
import { type Area, identityOf } from '../http/area.ts'
import { readInput } from '../http/read-input.ts'
import { routerPath } from '../http/route.ts'
import { quotaOf } from '../sync/quota.ts'
import { receive } from './receive.ts'
import { filesRoutes as routes } from './routes.ts'
import { chunkBytes, createFilesStore, type FilesStore } from './store.ts'
import { contentDigest, fileLimit, fileParams } from './wire.ts'

/** Files that are taken in at once: each is in memory as a whole until it is verified. */
const uploadsAtOnce = 16
/** Of one user, so that one slow phone does not keep the others out. */
const uploadsOfUser = 3

/** Encrypted files, each for its owner alone. To everybody else there is none: the answer is the same as for an id nobody uses. */
export function filesArea({ database, now }: { database: Database; now: () => number }): Area {
  const store = createFilesStore(database)
  const uploads: string[] = []
  return {
    routes,
    register: (server, gate) => {
      server.removeAllContentTypeParsers()
      server.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))

      server.put(routerPath(routes.put), { onRequest: gate.authenticate }, async (request, reply) => {
        const { user, tier } = identityOf(request)
        const id = idOf(request)
        const digest = contentDigest.safeParse(request.headers['content-digest'])
        if (!digest.success) throw new ApiError('BAD_REQUEST', { message: 'Malformed: content-digest' })
        if (request.headers['content-encoding'] !== undefined) throw new ApiError('UNSUPPORTED_MEDIA_TYPE')
        if (Number(request.headers['content-length'] ?? 0) > fileLimit) throw new ApiError('BODY_TOO_LARGE')
        if (!(request.body instanceof Readable)) throw new ApiError('UNSUPPORTED_MEDIA_TYPE')
        const own = uploads.filter((other) => other === user).length
        if (uploads.length >= uploadsAtOnce || own >= uploadsOfUser) throw new ApiError('UNAVAILABLE')
        uploads.push(user)
        try {
          const file = await receive(request.body, digest.data, fileLimit)
          const quota = quotaOf(tier)
          const { outcome, held } = await store.put({ user, now: new Date(now()), id, file, quota })
          void reply.header('x-storage-remaining', String(Math.max(0, quota - held)))
          const size = file.bytes.length
          if (outcome === 'taken') throw new ApiError('FILE_EXISTS')
          if (outcome === 'full') {
            const details = { quota_bytes: quota, held_bytes: held, needed_bytes: size }
            throw new ApiError('QUOTA_EXCEEDED', { details })
          }
          return { size }
        } finally {
          uploads.splice(uploads.indexOf(user), 1)
        }
      })

      server.get(routerPath(routes.get), { onRequest: gate.authenticate }, async (request, reply) => {
        const { user } = identityOf(request)
        const id = idOf(request)
        const first = await store.piece(user, id, 0)
        if (first === undefined) throw new ApiError('NOT_FOUND')
        const digest = Buffer.from(first.checksum, 'hex').toString('base64')
        return reply
          .type('application/octet-stream')
          .header('content-length', String(first.size))
          .header('content-digest', `sha-256=:${digest}:`)
          .header('cache-control', 'private, no-store')
          .send(Readable.from(piecesOf(store, user, id, first)))
      })

      server.delete(routerPath(routes.remove), { onRequest: gate.authenticate }, async (request, reply) => {
        const { user, tier } = identityOf(request)
        const held = await store.remove(user, idOf(request))
        return reply
          .code(204)
          .header('x-storage-remaining', String(Math.max(0, quotaOf(tier) - held)))
          .send()
      })
    },
  }
}

/** Asked for one by one, as fast as the client takes them. A file that is deleted meanwhile breaks off, short of its length. */
async function* piecesOf(
  store: FilesStore,
  user: string,
  id: string,
  first: { size: number; bytes: Buffer },
): AsyncGenerator<Buffer> {
  yield first.bytes
  for (let place = 1; place * chunkBytes < first.size; place++) {
    const next = await store.piece(user, id, place)
    if (next === undefined) throw new ApiError('NOT_FOUND')
    yield next.bytes
  }
}

function idOf({ params }: FastifyRequest): string {
  return readInput(fileParams, params).id
}
