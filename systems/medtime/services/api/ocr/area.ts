import { availableParallelism } from 'node:os'
import type { FastifyRequest } from 'fastify'
import type { Database } from '../database.ts'
import { ApiError } from '../http/api-error.ts'
import { type Area, identityOf } from '../http/area.ts'
import type { Metrics } from '../http/metrics.ts'
import { type Capacity, createAdmission, type Place } from './admission.ts'
import { createKeys, lifetimeMs } from './keys.ts'
import { type ReadingParts, readImage } from './read-image.ts'
import { ocrRoutes as routes } from './routes.ts'
import { createOcrStore } from './store.ts'
import { triedOnce, tryWalls } from './trial.ts'
import { type KeyAnswer, ocrBodyLimit, ocrTimeoutMs } from './wire.ts'

export interface OcrOptions extends Partial<Pick<ReadingParts, 'command' | 'onStart' | 'timeoutMs'>> {
  database: Database
  metrics: Pick<Metrics, 'ocr'>
  /** Milliseconds since the epoch. */
  now: () => number
  capacity?: Partial<Capacity>
  /** Tries the walls before the first key is given out; tells what got out. */
  trial?: () => Promise<string[]>
}

/** Reading prescriptions, each in a process of its own. */
export function ocrArea({ database, metrics, now, capacity = {}, trial = tryWalls, ...reading }: OcrOptions): Area {
  const keys = createKeys(now)
  const store = createOcrStore(database, now)
  const admission = createAdmission({ atOnce: availableParallelism(), waiting: 6, perUser: 2, ...capacity })
  const places = new WeakMap<FastifyRequest, Place>()
  const tried = triedOnce(trial)
  return {
    routes,
    register: (server, { authenticate }) => {
      server.removeAllContentTypeParsers()
      server.addContentTypeParser(
        routes.process.body,
        { parseAs: 'buffer', bodyLimit: ocrBodyLimit },
        (_request, body, done) => done(null, body),
      )
      // Keys are forgotten in time also while nobody asks.
      const sweeping = setInterval(keys.sweep, lifetimeMs / 10).unref()
      server.addHook('onClose', async () => clearInterval(sweeping))

      server.get(routes.key.path, { onRequest: authenticate }, async (): Promise<KeyAnswer> => {
        await tried()
        const key = await keys.current()
        return {
          key_id: Buffer.from(key.id).toString('base64url'),
          public_key: Buffer.from(key.publicKey).toString('base64url'),
          suite: 'DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, export only; XChaCha20-Poly1305',
          expires_at: new Date(key.expiresAt).toISOString(),
        }
      })

      server.post(
        routes.process.path,
        {
          onRequest: [
            authenticate,
            // Before the body is read: what is not taken on costs no memory.
            async (request, reply) => {
              const place = admission.admit(identityOf(request).user)
              if (place === 'full') throw new ApiError('UNAVAILABLE')
              if (place === 'too-many') {
                void reply.header('retry-after', '5')
                throw new ApiError('RATE_LIMITED')
              }
              places.set(request, place)
              reply.raw.once('close', place.leave)
            },
          ],
        },
        async (request, reply) => {
          const place = places.get(request)
          if (place === undefined || !Buffer.isBuffer(request.body)) throw new ApiError('BAD_REQUEST')
          const gone = new AbortController()
          reply.raw.once('close', () => gone.abort())
          try {
            const { user } = identityOf(request)
            const result = await readImage(
              { user, body: request.body, place, signal: gone.signal },
              { keys, store, timeoutMs: ocrTimeoutMs, ...reading },
            )
            metrics.ocr('success')
            return reply.type('application/octet-stream').send(result)
          } catch (thrown) {
            metrics.ocr(thrown instanceof ApiError && thrown.status < 500 ? 'rejected' : 'failure')
            throw thrown
          }
        },
      )
    },
  }
}
