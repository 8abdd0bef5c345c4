import type { Secret } from '../../secrets/secret.ts'
import type { Outcome } from './outcome.ts'

/** An answer of a provider, or how it stayed away. */
type Answer =
  | { kind: 'answered'; status: number; retryAfterMs: number | undefined; text: string }
  /** `unsure`: the request may have arrived. */
  | { kind: 'lost'; reason: string; unsure: boolean }

const longestWaitMs = 3_600_000
const answerBytes = 65_536
/** Failures that come before a byte of the request has left. */
const neverSent = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']

export interface Request {
  url: Secret<string>
  headers: Record<string, string>
  body: string
  timeoutMs: number
  nowMs: number
}

/** One POST. Never throws, and no part of the address is in what it returns: addresses of webhooks are secrets. */
export async function post({ url, headers, body, timeoutMs, nowMs }: Request): Promise<Answer> {
  if (!URL.canParse(url.reveal())) return { kind: 'answered', status: 404, retryAfterMs: undefined, text: '' }
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await fetch(url.reveal(), { method: 'POST', headers, body, signal, redirect: 'manual' })
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), nowMs)
    return { kind: 'answered', status: response.status, retryAfterMs, text: await textOf(response) }
  } catch (error) {
    const code = codeOf(error)
    return {
      kind: 'lost',
      reason: code ?? 'no answer in time',
      unsure: code === undefined || !neverSent.includes(code),
    }
  }
}

/** Milliseconds a provider asks to wait: seconds or an HTTP date, at most an hour; undefined when it says nothing one can read. */
export function parseRetryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - nowMs
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestWaitMs)
}

/** What an answer means where the provider follows HTTP: 2xx took it, 408, 429 and 5xx may take it later, anything else will not. */
export function outcomeOf(answer: Answer, reference?: string): Outcome {
  if (answer.kind === 'lost') return { kind: 'failed', reason: answer.reason, unsure: answer.unsure }
  const { status, retryAfterMs } = answer
  if (status >= 200 && status < 300) return { kind: 'delivered', ...(reference === undefined ? {} : { reference }) }
  const reason = `status ${status}`
  if (status === 408 || status === 429 || status >= 500) {
    const wait = retryAfterMs === undefined ? {} : { afterMs: retryAfterMs }
    return { kind: 'failed', reason, unsure: status >= 500, ...wait }
  }
  return { kind: 'refused', reason }
}

/** An answer that breaks off was begun: its status stands, and no more of it than a bounded part is read. */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true })
      if (text.length > answerBytes) break
    }
  } catch {
    return text
  }
  return text
}

function codeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  if (typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string')
    return cause.code
  return error instanceof Error && error.name === 'TimeoutError' ? undefined : 'connection lost'
}
