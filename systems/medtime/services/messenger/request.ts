import { z } from 'zod'

/** A provider takes longer to answer only when something is wrong with it. Well below the lease. */
export const requestTimeoutMs = 15_000

export type Answer =
  /** `json` is undefined when the body is none. */
  | { kind: 'answered'; status: number; json: unknown; retryAfterMs: number | undefined }
  /** Nothing reached the provider: there was no connection to send on. */
  | { kind: 'not-sent' }
  /** Sent, perhaps in part, and no answer came. */
  | { kind: 'no-answer' }

const cause = z.object({ cause: z.object({ code: z.string() }) })
/** Codes of failures from before a request could be written. */
const before = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** One request to a provider, and what is known afterwards. Follows no redirects: what is sent is secret. */
export async function askProvider(
  url: string,
  init: { headers: Record<string, string>; body: string },
  timeoutMs = requestTimeoutMs,
): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      ...init,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    // An answer whose body breaks off told its status all the same.
    const text = await response.text().catch(() => '')
    return {
      kind: 'answered',
      status: response.status,
      json: parsed(text),
      retryAfterMs: retryAfterMs(response.headers.get('retry-after')),
    }
  } catch (thrown) {
    const code = cause.safeParse(thrown).data?.cause.code
    return { kind: code !== undefined && before.has(code) ? 'not-sent' : 'no-answer' }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Only the form of seconds; a provider that names a date is waited for as if it had named nothing. */
function retryAfterMs(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined
}
