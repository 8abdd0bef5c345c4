import type { Clock } from '../../../clock.ts'
import type { Random } from '../../../random.ts'
import { checkKey, type Store, type StoredEntry } from '../store.ts'
import { S3Refusal } from './answer.ts'
import { type ConditionalWrites, conditionsOf } from './conditional-write.ts'
import { explained } from './failures.ts'
import { getObject } from './get-object.ts'
import { listObjects } from './list-objects.ts'
import { describeLocation, type S3Location } from './location.ts'
import { sweepUploads } from './multipart.ts'
import { probeS3 } from './probe.ts'
import { putObject } from './put-object.ts'
import { recentWrites } from './recent-writes.ts'
import { agentFor, ask, type S3Connection, type S3Credentials } from './request.ts'
import { patience, type RetryPolicy } from './retry.ts'

export interface S3StoreOptions {
  location: S3Location
  credentials: S3Credentials
  clock: Clock
  /** For the pauses between attempts only. */
  random: Random
  /** What `probeStore` found; `enforced` unless told. */
  conditionalWrites?: ConditionalWrites
  /** Bytes of a part of a large object, 5 MiB or more; 8 MiB. */
  partBytes?: number
  /** Parts on their way at once; 3. Memory for an object is one part more. */
  partsInFlight?: number
  /** A connection on which nothing moves for so long is given up; 30 000. */
  idleMs?: number
  retry?: RetryPolicy
}

/**
 * A store in a bucket of a service that speaks S3. Every request is repeated with growing pauses while there is hope; each body is
 * signed with its SHA-256 and carries it for the service to keep; a lost answer is told from a conflict by a mark on the object.
 * @throws from its operations: STORE_UNREACHABLE, STORE_DENIED, STORE_FULL, STORE_BUCKET_MISSING, STORE_CLOCK_WRONG, STORE_REFUSED,
 * STORE_OBJECT_CHANGED, STORE_OBJECT_TOO_LARGE, STORE_KEY_INVALID.
 */
export function s3Store(options: S3StoreOptions): Store {
  const { location, clock } = options
  const connection: S3Connection = {
    location,
    credentials: options.credentials,
    clock,
    random: options.random,
    idleMs: options.idleMs ?? 30_000,
    retry: options.retry ?? patience,
    agent: agentFor(location),
    signingKeys: new Map(),
  }
  const settings = { partBytes: options.partBytes ?? 8 * 2 ** 20, partsInFlight: options.partsInFlight ?? 3 }
  const conditions = conditionsOf(connection, options.conditionalWrites ?? 'enforced')
  const whole = (key: string) => {
    checkKey(key)
    return `${location.prefix}${key}`
  }
  const stat = (key: string): Promise<StoredEntry | undefined> =>
    explained(connection, 'look for', key, async () => {
      try {
        const { headers } = await ask(connection, { method: 'HEAD', key: whole(key) })
        return { key, size: Number(headers['content-length']) }
      } catch (error) {
        if (error instanceof S3Refusal && error.status === 404) return undefined
        throw error
      }
    })
  const recent = recentWrites(clock, stat)
  // Best effort, and once: who may not list uploads can still store.
  let swept: Promise<void> | undefined

  return {
    place: describeLocation(location),
    put: async (key, content, { ifAbsent }) => {
      const target = whole(key)
      swept ??= sweepUploads(connection).catch(() => undefined)
      await swept
      return explained(connection, 'write', key, async () => {
        const result = await putObject(connection, target, content, ifAbsent, conditions, settings)
        recent.wrote(key)
        return result
      })
    },
    get: async (key) => getObject(connection, whole(key), key),
    stat,
    list: (prefix) => recent.over(listed(connection, prefix), prefix),
    delete: async (key) => {
      const target = whole(key)
      await explained(connection, 'remove', key, async () => {
        try {
          await ask(connection, { method: 'DELETE', key: target })
        } catch (error) {
          if (!(error instanceof S3Refusal) || error.code !== 'NoSuchKey') throw error
        }
      })
      recent.removed(key)
    },
    probe: () => explained(connection, 'probe', 'what it can do', () => probeS3(connection)),
  }
}

async function* listed(connection: S3Connection, prefix: string): AsyncIterable<StoredEntry> {
  const listing = listObjects(connection, `${connection.location.prefix}${prefix}`)[Symbol.asyncIterator]()
  for (;;) {
    const next = await explained(connection, 'list', prefix || 'its objects', () => listing.next())
    if (next.done) return
    yield next.value
  }
}
