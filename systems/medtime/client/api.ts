import type { PendingWrite } from './local-store.ts'
import { type RetryOptions, TransientError, withRetries } from './retry.ts'
import {
  epochAnswer,
  errorAnswer,
  type PullAnswer,
  pullAnswer,
  pushAnswer,
  type RefusedAnswer,
  refusedAnswer,
  toWire,
} from './wire.ts'

export type PushResult =
  | { outcome: 'accepted'; epoch: number }
  | { outcome: 'refused'; refused: RefusedAnswer }
  | { outcome: 'epoch-changed'; epoch: number; cursor: string }

export type PullResult =
  | { outcome: 'page'; page: PullAnswer }
  | { outcome: 'epoch-changed'; epoch: number; cursor: string }
  | { outcome: 'bad-cursor' }

/** The server refused a request for a reason that trying again does not change. */
export class SyncError extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string) {
    super(`the server answered ${status} ${code}`)
    this.name = 'SyncError'
    this.status = status
    this.code = code
  }
}

export interface SyncApi {
  push(writes: readonly PendingWrite[], epoch: number | undefined): Promise<PushResult>
  pull(cursor: string | undefined, limit: number): Promise<PullResult>
}

export interface ApiOptions extends RetryOptions {
  /** Asked before every request: the server may have moved, the token may have expired. */
  address: () => string
  token: () => Promise<string>
  device: string
  fetch: typeof fetch
}

const timeoutMs = 30_000

/** The server's API with retries. A push is safe to repeat: what is stored already as it is sent counts as accepted. */
export function createSyncApi(options: ApiOptions): SyncApi {
  const request = (path: string, init: RequestInit) =>
    withRetries(async () => {
      const token = await options.token()
      const response = await send(options, path, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${token}` },
      })
      if (response.status === 408 || response.status === 429 || response.status >= 500) {
        throw new TransientError(`the server answered ${response.status}`, retryAfter(response))
      }
      return { status: response.status, body: await readJson(response) }
    }, options)

  return {
    push: async (writes, epoch) => {
      const { status, body } = await request('/sync/push', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          device_id: options.device,
          ...(epoch === undefined ? {} : { epoch }),
          entities: writes.map(toWire),
        }),
      })
      if (status === 200) return { outcome: 'accepted', epoch: pushAnswer.parse(body).epoch }
      if (status === 409 || status === 422) return { outcome: 'refused', refused: refusedAnswer.parse(body) }
      if (status === 410) return { outcome: 'epoch-changed', ...epochAnswer.parse(body) }
      throw refusal(status, body)
    },
    pull: async (cursor, limit) => {
      const query = new URLSearchParams({ limit: String(limit), device_id: options.device })
      if (cursor !== undefined) query.set('cursor', cursor)
      const { status, body } = await request(`/sync/pull?${query}`, {})
      if (status === 200) return { outcome: 'page', page: pullAnswer.parse(body) }
      if (status === 410) return { outcome: 'epoch-changed', ...epochAnswer.parse(body) }
      const error = refusal(status, body)
      if (error.code === 'BAD_CURSOR') return { outcome: 'bad-cursor' }
      throw error
    },
  }
}

async function send({ address, fetch, signal }: ApiOptions, path: string, init: RequestInit): Promise<Response> {
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    const url = `${address().replace(/\/+$/, '')}${path}`
    return await fetch(url, { ...init, signal: signal ? AbortSignal.any([signal, timeout]) : timeout })
  } catch {
    signal?.throwIfAborted()
    throw new TransientError('the server cannot be reached')
  }
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text().catch(() => {
    throw new TransientError('the answer broke off')
  })
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function refusal(status: number, body: unknown): SyncError {
  const parsed = errorAnswer.safeParse(body)
  return new SyncError(status, parsed.success ? parsed.data.code : 'UNKNOWN')
}

/** Milliseconds the server asked to wait; 0 when it did not say. */
function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? '0')
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : 0
}
