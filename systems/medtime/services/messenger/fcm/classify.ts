import { z } from 'zod'
import type { Outcome } from '../outcome.ts'
import type { Answer } from '../request.ts'

const sent = z.object({ name: z.string().regex(/^projects\/[^/]+\/messages\/[^/]+$/) })
const failed = z.object({
  error: z.object({
    status: z.string().regex(/^[A-Z_]{1,64}$/),
    details: z
      .array(
        z.object({
          errorCode: z
            .string()
            .regex(/^[A-Z_]{1,64}$/)
            .optional(),
          fieldViolations: z.array(z.object({ field: z.string().optional() })).optional(),
        }),
      )
      .optional(),
  }),
})

/** FCM asks for a minute at least before a message over its quota comes again. */
const quotaPauseMs = 60_000

/**
 * What an answer of FCM means, by its published error codes: UNREGISTERED and SENDER_ID_MISMATCH say that the token is no more,
 * QUOTA_EXCEEDED, UNAVAILABLE and INTERNAL that it may go later, everything else that it never will.
 */
export function classifyFcm(answer: Answer): Outcome {
  if (answer.kind === 'not-sent') return { kind: 'later', code: 'NO_CONNECTION' }
  if (answer.kind === 'no-answer') return { kind: 'doubtful', code: 'NO_ANSWER' }
  const { status, json, retryAfterMs } = answer
  if (status === 200) {
    const { data } = sent.safeParse(json)
    return data === undefined
      ? { kind: 'doubtful', code: 'STRANGE_ANSWER' }
      : { kind: 'accepted', providerId: data.name }
  }
  const { data } = failed.safeParse(json)
  const details = data?.error.details ?? []
  const code =
    details.find(({ errorCode }) => errorCode !== undefined)?.errorCode ?? data?.error.status ?? `HTTP_${status}`
  const later = (leastMs: number): Outcome => ({
    kind: 'later',
    code,
    retryAfterMs: Math.max(leastMs, retryAfterMs ?? 0),
  })
  if (code === 'UNREGISTERED' || code === 'SENDER_ID_MISMATCH') return { kind: 'gone', code }
  const fields = details.flatMap(({ fieldViolations }) => fieldViolations ?? [])
  if (status === 400 && fields.some(({ field }) => field === 'message.token')) return { kind: 'gone', code }
  if (status === 429) return later(quotaPauseMs)
  // 401: the access token ended early. THIRD_PARTY_AUTH_ERROR is about our certificate with Apple, which no waiting mends.
  if (status === 401 && code !== 'THIRD_PARTY_AUTH_ERROR') return later(0)
  if (status >= 500) return later(0)
  return { kind: 'refused', code }
}
