import type { IncomingMessage } from 'node:http'
import { failure } from '../../../errors.ts'
import type { ByteStream } from '../store.ts'
import { NoAnswer, S3Refusal } from './answer.ts'
import { explain, explained } from './failures.ts'
import { describeLocation } from './location.ts'
import { type S3Answer, type S3Connection, send } from './request.ts'
import { isTransient, pauseBefore } from './retry.ts'

/**
 * The bytes of an object. When the connection breaks, or the body ends early, reading goes on behind the last byte that came,
 * as long as it is still the same object.
 * @param name the key as people know it.
 */
export async function getObject(connection: S3Connection, key: string, name: string): Promise<ByteStream | undefined> {
  const first = await explained(connection, 'read', name, async () => {
    try {
      return await send(connection, { method: 'GET', key })
    } catch (error) {
      if (error instanceof S3Refusal && error.status === 404 && error.code !== 'NoSuchBucket') return undefined
      throw error
    }
  })
  return first && bytesOf(connection, key, name, first)
}

async function* bytesOf(connection: S3Connection, key: string, name: string, first: S3Answer): ByteStream {
  const { clock, random, retry } = connection
  const { etag } = first.headers
  const size = Number(first.headers['content-length'])
  if (!Number.isInteger(size)) {
    first.body.destroy()
    const reason = 'it does not say how long the object is'
    throw failure('STORE_REFUSED', { place: describeLocation(connection.location), action: 'read', key: name, reason })
  }
  let position = 0
  let answer: S3Answer | undefined = first
  let failed = 0
  try {
    for (;;) {
      try {
        answer ??= await continueAt(connection, key, position, etag)
        // What a service that knows no ranges sends once more.
        let skip: number = answer.status === 206 || position === 0 ? 0 : position
        for await (const chunk of chunksOf(answer.body)) {
          const fresh = chunk.subarray(Math.min(skip, chunk.length))
          skip -= chunk.length - fresh.length
          if (fresh.length === 0) continue
          position += fresh.length
          failed = 0
          if (position > size) throw new NoAnswer('it sent more than the object holds')
          yield fresh
        }
        if (position === size) return
        throw new NoAnswer(`its answer ended after ${position} of ${size} bytes`)
      } catch (error) {
        answer?.body.destroy()
        answer = undefined
        if (error instanceof S3Refusal && (error.status === 412 || error.status === 404 || error.status === 416)) {
          throw failure(
            'STORE_OBJECT_CHANGED',
            { key: name, place: describeLocation(connection.location) },
            { cause: error },
          )
        }
        if (!isTransient(error) || position > size || ++failed >= retry.attempts) {
          throw explain(connection, 'read', name, error)
        }
        await clock.sleep(pauseBefore(failed, retry, random))
      }
    }
  } finally {
    answer?.body.destroy()
  }
}

function continueAt(connection: S3Connection, key: string, position: number, etag: string | undefined) {
  const single = { ...connection, retry: { ...connection.retry, attempts: 1 } }
  const range = position === 0 ? {} : { range: `bytes=${position}-` }
  const same = etag === undefined ? {} : { 'if-match': etag }
  return send(single, { method: 'GET', key, headers: { ...range, ...same } })
}

async function* chunksOf(body: IncomingMessage): ByteStream {
  const source = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await source.next().catch((cause: unknown) => {
        throw new NoAnswer('the connection broke', { cause })
      })
      if (next.done) return
      if (next.value instanceof Uint8Array) yield next.value
    }
  } finally {
    body.destroy()
  }
}
