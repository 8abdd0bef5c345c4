import { type RetryOptions, TransientError, withRetries } from './retry.ts'
import { errorAnswer } from './wire.ts'

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

/** Base address of a service; a function where it may move, which is asked before every request. */
export type Address = string | (() => string)

/**
 * @param path with its leading slash
 * @throws TransientError when the function throws, as where a service is may not be known for a while; TypeError when there is no address
 */
export function urlAt(address: Address, path: string): string {
  const base = typeof address === 'function' ? placeOf(address) : address
  if (typeof base !== 'string') throw new TypeError('address must be a text, or a function that returns one')
  return `${base.replace(/\/+$/, '')}${path}`
}

function placeOf(address: () => string): string {
  try {
    return address()
  } catch {
    throw new TransientError('where the server is is not known now')
  }
}

export interface ApiOptions extends RetryOptions {
  address: Address
  /** Asked before every request, since a token may have expired. */
  token: () => Promise<string>
  device: string
  fetch: typeof fetch
}

const timeoutMs = 30_000

/** Who is asked, and as whom: without a token as nobody. */
export interface RequestOptions extends Omit<ApiOptions, 'device' | 'token'> {
  token: () => Promise<string | undefined>
}

/** Sends a request with retries; a body that is not JSON is undefined. */
export function createRequest(
  options: RequestOptions,
): (path: string, init: RequestInit) => Promise<{ status: number; body: unknown }> {
  return (path, init) =>
    withRetries(async () => {
      const token = await options.token()
      const response = await send(options, path, {
        ...init,
        headers: { ...init.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      })
      if (response.status === 408 || response.status === 429 || response.status >= 500) {
        throw new TransientError(`the server answered ${response.status}`, retryAfter(response))
      }
      return { status: response.status, body: await readJson(response) }
    }, options)
}

async function send({ address, fetch, signal }: RequestOptions, path: string, init: RequestInit): Promise<Response> {
  const url = urlAt(address, path)
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
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

/** What a refusal is to whoever asked. */
export function refusal(status: number, body: unknown): SyncError {
  const parsed = errorAnswer.safeParse(body)
  return new SyncError(status, parsed.success ? parsed.data.code : 'UNKNOWN')
}

/** Milliseconds the server asked to wait; 0 when it did not say. */
function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? '0')
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : 0
}
