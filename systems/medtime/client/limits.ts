import { z } from 'zod'
import { type ApiOptions, urlAt } from './request.ts'

/** What the server takes and gives at once, as `GET /sync/config` tells it. */
export interface ServerLimits {
  /** Entities of one page. */
  page: number
  /** Entities of one push. */
  batch: number
  /** Bytes of one request. */
  bodyBytes: number
  /** Requests above this many bytes may be sent with gzip; undefined: none may. */
  gzipAbove: number | undefined
}

/** What every server takes, also one that does not tell. */
export const leastLimits: ServerLimits = { page: 100, batch: 100, bodyBytes: 8_388_608, gzipAbove: undefined }

const configAnswer = z.object({
  page: z.object({ max: z.int().min(1) }),
  batch: z.object({ max: z.int().min(1), body_bytes: z.int().min(1) }),
  compression: z.object({ requests: z.array(z.string()), above_bytes: z.int().min(0) }),
})

function limitsOf({ page, batch, compression }: z.output<typeof configAnswer>): ServerLimits {
  return {
    page: page.max,
    batch: batch.max,
    bodyBytes: batch.body_bytes,
    gzipAbove: compression.requests.includes('gzip') ? compression.above_bytes : undefined,
  }
}

const timeoutMs = 10_000

/** Undefined when it cannot be learned now: whatever waits to be synced does not wait for this. */
export async function askLimits(
  options: Pick<ApiOptions, 'address' | 'token' | 'fetch' | 'signal'>,
): Promise<ServerLimits | undefined> {
  try {
    const response = await options.fetch(urlAt(options.address, '/sync/config'), {
      headers: { authorization: `Bearer ${await options.token()}` },
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await response.text()
    // A server from before it could tell.
    if (response.status === 404) return leastLimits
    const config = configAnswer.safeParse(JSON.parse(text))
    return response.ok && config.success ? limitsOf(config.data) : undefined
  } catch {
    options.signal?.throwIfAborted()
    return undefined
  }
}
