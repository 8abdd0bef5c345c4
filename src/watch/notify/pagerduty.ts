import { z } from 'zod'
import { timestamp } from '../../clock.ts'
import { secret } from '../../secrets/secret.ts'
import { type Deliver, needed } from './channel.ts'
import type { Message } from './message.ts'
import { outcomeOf, post } from './post.ts'
import { cut, subjectOf, textOf } from './words.ts'

const endpoint = 'https://events.pagerduty.com/v2/enqueue'
const severities = { critical: 'critical', high: 'error', warning: 'warning', medium: 'warning', low: 'info' } as const
const actions = { firing: 'trigger', acknowledged: 'acknowledge', resolved: 'resolve' } as const
const accepted = z.object({ status: z.literal('success'), dedup_key: z.string() })

/**
 * PagerDuty's Events API v2. The group is the `dedup_key`, so that a repetition joins the incident that is open instead of paging again.
 * https://developer.pagerduty.com/docs/events-api-v2-overview
 */
export const deliverToPagerDuty: Deliver = async (delivery) => {
  const answer = await post({
    url: delivery.setting('url') ?? secret(endpoint),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      routing_key: needed(delivery, 'routingKey').reveal(),
      event_action: actions[delivery.message.status],
      dedup_key: delivery.message.dedup,
      ...(delivery.message.status === 'firing' ? details(delivery.message, delivery.language) : {}),
    }),
    timeoutMs: delivery.timeoutMs,
    nowMs: delivery.nowMs,
  })
  if (answer.kind === 'lost' || answer.status >= 300) return outcomeOf(answer)
  const body = accepted.safeParse(readJson(answer.text))
  if (answer.status !== 202 || body.data?.dedup_key !== delivery.message.dedup)
    return { kind: 'failed', reason: 'an answer that is not of PagerDuty', unsure: true }
  return { kind: 'delivered', reference: body.data.dedup_key }
}

function details(message: Message, language: 'en' | 'es') {
  return {
    client: 'Aval',
    payload: {
      summary: cut(subjectOf(message, language), 1_024),
      source: message.system,
      severity: severities[message.severity],
      timestamp: timestamp(message.alerts[0]?.startedAtMs ?? message.atMs),
      class: message.alerts[0]?.alert ?? 'other',
      custom_details: { text: textOf(message, language), alerts: message.alerts },
    },
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
