import { z } from 'zod'
import type { Outcome } from '../outcome.ts'
import type { Answer } from '../request.ts'

const created = z.object({ sid: z.string().regex(/^(SM|MM)[0-9a-f]{32}$/) })
const failed = z.object({ code: z.int().min(1).max(999_999) })

/** Whoever holds the number answered STOP, and Twilio keeps to it. */
const optedOut = 21610

/**
 * What an answer of Twilio means. An error in Twilio's own form says that nothing was made. An answer from something on the way (502 and 504
 * without that form) leaves open whether the request had come through.
 */
export function classifyTwilio(answer: Answer): Outcome {
  if (answer.kind === 'not-sent') return { kind: 'later', code: 'NO_CONNECTION' }
  if (answer.kind === 'no-answer') return { kind: 'doubtful', code: 'NO_ANSWER' }
  const { status, json, retryAfterMs } = answer
  if (status === 200 || status === 201) {
    const { data } = created.safeParse(json)
    return data === undefined
      ? { kind: 'doubtful', code: 'STRANGE_ANSWER' }
      : { kind: 'accepted', providerId: data.sid }
  }
  const { data } = failed.safeParse(json)
  const code = data === undefined ? `HTTP_${status}` : `TWILIO_${data.code}`
  if (data?.code === optedOut) return { kind: 'stopped', code }
  const passing = status === 429 || status === 503 || (status >= 500 && data !== undefined)
  if (passing) return { kind: 'later', code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  if (status >= 500) return { kind: 'doubtful', code }
  return { kind: 'refused', code }
}
