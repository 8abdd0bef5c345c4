import { messageOf } from '../../errors.ts'
import type { HttpRequest, Json } from '../exercise.ts'
import { fillJson, fillText, type Values } from './template.ts'

export interface Answer {
  status: number
  headers: Headers
  text: string
  /** The body read as JSON; undefined when it is not JSON. */
  json: Json | undefined
}

/** A request as it was sent, placeholders filled. */
export interface Sent {
  method: string
  /** Whole address. */
  target: string
  headers: Headers
  body: Buffer | undefined
}

export interface Sending {
  /** Base address of the service. */
  address: string
  /** Headers of the person the request is sent as. A header of the request itself goes before one of the same name. */
  credentials: Record<string, string>
  values: Values
  timeLimitMs: number
  signal?: AbortSignal | undefined
  /** Told of the request; it is sent once that has resolved. */
  before?: ((request: Sent) => Promise<void>) | undefined
  /** Told of the request and what it was answered with. */
  heard?: ((request: Sent, answer: Answer) => void) | undefined
}

/**
 * Sends one request, placeholders filled; in the path they are percent-encoded. A body travels as `application/json` unless
 * the request names another type, malformed text included. Redirects are answers, they are not followed.
 *
 * @returns the answer, or why there was none: a time limit or a connection that failed is something the system did.
 * @throws CaseFault when the request names what nothing saved; the signal's reason when it is aborted.
 */
export async function send(request: HttpRequest, sending: Sending): Promise<Answer | { unanswered: string }> {
  const { address, credentials, values, timeLimitMs, signal } = sending
  signal?.throwIfAborted()
  const headers = new Headers(credentials)
  const body = bodyOf(request, values)
  if (body !== undefined) headers.set('content-type', 'application/json')
  for (const [name, value] of Object.entries(request.headers ?? {})) headers.set(name, fillText(value, values))
  const target = new URL(fillText(request.path, values, encodeURIComponent), address)
  const bytes = body === undefined ? undefined : Buffer.from(body)
  const sent = { method: request.method, target: target.href, headers, body: bytes }
  await sending.before?.(sent)
  const limit = AbortSignal.timeout(timeLimitMs)
  try {
    const response = await fetch(target, {
      method: request.method,
      headers,
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(body === undefined ? {} : { body }),
    })
    const text = await response.text()
    const answer = { status: response.status, headers: response.headers, text, json: parse(text) }
    sending.heard?.(sent, answer)
    return answer
  } catch (error) {
    signal?.throwIfAborted()
    if (limit.aborted) return { unanswered: `no answer within ${timeLimitMs / 1000} s` }
    return { unanswered: `no answer: ${reasonOf(error)}` }
  }
}

function bodyOf(request: HttpRequest, values: Values): string | Buffer<ArrayBuffer> | undefined {
  if (request.base64 !== undefined) return Buffer.from(request.base64, 'base64')
  if (request.text !== undefined) return fillText(request.text, values)
  return request.json === undefined ? undefined : JSON.stringify(fillJson(request.json, values))
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `fetch failed` says nothing; the code of its cause does. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code
  return messageOf(cause ?? error)
}
