import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'

/** What a person did in PagerDuty, as its webhook (v3) tells it. */
export interface PagerDutyNews {
  /** The provider's own number of the event; a repetition has the same. */
  id: string
  kind: 'acknowledged' | 'resolved'
  /** The deduplication key of the group, for `Pager.acknowledge`. */
  dedup: string
}

const webhookSchema = z.object({
  event: z.object({
    id: z.string().min(1).max(100),
    event_type: z.string(),
    data: z.object({ incident_key: z.string().regex(/^[0-9a-f]{64}$/) }),
  }),
})
const kinds = { 'incident.acknowledged': 'acknowledged', 'incident.resolved': 'resolved' } as const
const signaturesAtMost = 10

/**
 * Reads a webhook of PagerDuty: only what is signed with the secret of the subscription is believed. During a change of the secret it signs with
 * both, so that any signature of the list may fit.
 *
 * @param body the bytes as they came; a parsed and rewritten body has another signature.
 * @param signature the header `X-PagerDuty-Signature`.
 * @returns `forged` when no signature fits, undefined for events that say nothing of an answer to one of ours.
 */
export function readPagerDutyWebhook(
  body: string,
  signature: string | undefined,
  secret: string,
): PagerDutyNews | 'forged' | undefined {
  const expected = Buffer.from(`v1=${createHmac('sha256', secret).update(body).digest('hex')}`)
  const given = (signature ?? '').split(',', signaturesAtMost).map((part) => Buffer.from(part.trim()))
  const fits = given.some((part) => part.length === expected.length && timingSafeEqual(part, expected))
  if (!fits || secret === '') return 'forged'
  const { data } = webhookSchema.safeParse(readJson(body))
  const kind = Object.entries(kinds).find(([type]) => type === data?.event.event_type)?.[1]
  if (data === undefined || kind === undefined) return undefined
  return { id: data.event.id, kind, dedup: data.event.data.incident_key }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
