import { sha256 } from '@noble/hashes/sha2.js'
import { toBase64 } from './base64.ts'
import { type ApiOptions, createRequest, refusal, SyncError, urlAt } from './request.ts'
import { TransientError, withRetries } from './retry.ts'
import type { Sealer } from './sealed-entity.ts'
import { openFile, sealFile } from './sealed-file.ts'

/** Files of a user, sealed on the device. A file never changes: another content is another file. */
export interface Files {
  /**
   * Seals and stores a file of up to 5 MB, and tells its id, which belongs into an entity: nothing else knows of it.
   * @throws RangeError above 5 MB; SyncError QUOTA_EXCEEDED
   */
  put(file: Uint8Array): Promise<string>
  /**
   * @returns undefined when there is none.
   * @throws FileNotBelieved when it is not what a device of this user stored under this id
   */
  get(id: string): Promise<Uint8Array | undefined>
  /** Deletes it, if it is there. */
  remove(id: string): Promise<void>
}

/** What came is not what was stored under the id: damaged, another file, or sealed by somebody without the key. */
export class FileNotBelieved extends Error {
  constructor() {
    super('the server gave something else than what was stored under this id')
    this.name = 'FileNotBelieved'
  }
}

const timeoutMs = 120_000

export function createFiles(options: Omit<ApiOptions, 'device'>, sealer: Sealer): Files {
  const request = createRequest(options)
  return {
    put: async (file) => {
      const id = crypto.randomUUID()
      const hash = sha256.create()
      const chunks: Uint8Array<ArrayBuffer>[] = []
      for (const chunk of sealFile(sealer, id, file)) {
        hash.update(chunk)
        chunks.push(chunk)
      }
      const { status, body } = await request(`/files/${id}`, {
        method: 'PUT',
        headers: {
          'content-type': 'application/octet-stream',
          'content-digest': `sha-256=:${toBase64(hash.digest())}:`,
        },
        body: new Blob(chunks),
      })
      if (status !== 200) throw refusal(status, body)
      return id
    },
    get: (id) =>
      withRetries(async () => {
        const url = urlAt(options.address, `/files/${encodeURIComponent(id)}`)
        const signal = AbortSignal.timeout(timeoutMs)
        const response = await options
          .fetch(url, {
            headers: { authorization: `Bearer ${await options.token()}` },
            signal: options.signal ? AbortSignal.any([options.signal, signal]) : signal,
          })
          .catch(() => {
            options.signal?.throwIfAborted()
            throw new TransientError('the server cannot be reached')
          })
        if (response.status === 429 || response.status >= 500) {
          await response.body?.cancel()
          throw new TransientError(`the server answered ${response.status}`)
        }
        if (response.status === 404) {
          await response.body?.cancel()
          return undefined
        }
        if (!response.ok || response.body === null) throw new SyncError(response.status, 'UNKNOWN')
        const opened = await openFile(sealer, id, piecesOf(response.body))
        if (opened === undefined) throw new FileNotBelieved()
        return opened
      }, options),
    remove: async (id) => {
      const { status, body } = await request(`/files/${encodeURIComponent(id)}`, { method: 'DELETE' })
      if (status !== 204) throw refusal(status, body)
    },
  }
}

/** Not every browser lets one iterate over a stream. A line that breaks is tried again. */
async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  try {
    for (;;) {
      const { value, done } = await reader.read().catch(() => {
        throw new TransientError('the answer broke off')
      })
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
