import { createHmac, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { type Receiver, startReceiver } from './receiver.ts'
import { readJson } from './slack.ts'

/*
 * Stands in for PagerDuty's Events API v2 and for the webhooks it sends (v3). Events of one dedup_key are one incident, as there: a
 * trigger that repeats joins it, a resolve closes it. https://developer.pagerduty.com/docs/send-alert-event
 */

const link = z.strictObject({ href: z.url(), text: z.string().optional() })
const payload = z.strictObject({
  summary: z.string().min(1).max(1_024),
  source: z.string().min(1),
  severity: z.enum(['critical', 'error', 'warning', 'info']),
  timestamp: z.iso.datetime().optional(),
  component: z.string().optional(),
  group: z.string().optional(),
  class: z.string().optional(),
  custom_details: z.record(z.string(), z.unknown()).optional(),
})
const routing = z.string().regex(/^[0-9a-f]{32}$/)
const dedup = z.string().min(1).max(255)
const trigger = z.strictObject({
  routing_key: routing,
  event_action: z.literal('trigger'),
  dedup_key: dedup.optional(),
  payload,
  client: z.string().optional(),
  client_url: z.url().optional(),
  links: z.array(link).optional(),
})
const other = z.strictObject({
  routing_key: routing,
  event_action: z.enum(['acknowledge', 'resolve']),
  dedup_key: dedup,
})
const event = z.discriminatedUnion('event_action', [trigger, other])

export interface PagerDutyIncident {
  routingKey: string
  dedupKey: string
  summary: string
  severity: string
  status: 'triggered' | 'acknowledged' | 'resolved'
  /** Triggers that joined it. */
  triggers: number
}

export interface PagerDutyReceiver extends Receiver {
  url: string
  /** A service that may be paged; more than one may be asked for. */
  routingKey(): string
  /** Oldest first. */
  incidents: PagerDutyIncident[]
  webhookSecret: string
  /** The webhook that tells of an incident, as PagerDuty signs it. */
  webhook(type: 'incident.acknowledged' | 'incident.resolved', dedupKey: string): { body: string; signature: string }
}

const maximumBytes = 512 * 1_024

export async function startPagerDuty(): Promise<PagerDutyReceiver> {
  const keys: string[] = []
  const incidents: PagerDutyIncident[] = []
  const webhookSecret = randomBytes(32).toString('base64url')
  const json = (status: number, value: unknown) => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  })
  const refuse = (errors: string[]) =>
    json(400, { status: 'invalid event', message: 'Event object is invalid', errors })
  const receiver = await startReceiver((request) => {
    if (request.path !== '/v2/enqueue' || request.method !== 'POST') return json(404, {})
    if (Buffer.byteLength(request.body) > maximumBytes) return json(413, {})
    const parsed = event.safeParse(readJson(request.body))
    if (!parsed.success)
      return refuse(parsed.error.issues.map(({ path, message }) => `'${path.join('.')}' is invalid: ${message}`))
    if (!keys.includes(parsed.data.routing_key)) return refuse(["'routing_key' is invalid"])
    return json(202, { status: 'success', message: 'Event processed', dedup_key: take(parsed.data) })
  })
  const take = (given: z.infer<typeof event>): string => {
    const key = given.dedup_key ?? randomBytes(16).toString('hex')
    const open = incidents.find(
      (incident) =>
        incident.routingKey === given.routing_key && incident.dedupKey === key && incident.status !== 'resolved',
    )
    if (given.event_action !== 'trigger') {
      if (open) open.status = given.event_action === 'resolve' ? 'resolved' : 'acknowledged'
    } else if (open) open.triggers++
    else {
      const { summary, severity } = given.payload
      incidents.push({
        routingKey: given.routing_key,
        dedupKey: key,
        summary,
        severity,
        status: 'triggered',
        triggers: 1,
      })
    }
    return key
  }
  return {
    ...receiver,
    url: `${receiver.origin}/v2/enqueue`,
    routingKey: () => {
      const key = randomBytes(16).toString('hex')
      keys.push(key)
      return key
    },
    incidents,
    webhookSecret,
    webhook: (type, dedupKey) => {
      const body = JSON.stringify({
        event: {
          id: randomBytes(13).toString('hex').toUpperCase(),
          event_type: type,
          resource_type: 'incident',
          occurred_at: '2026-02-03T04:05:06.789Z',
          agent: { id: 'PLH1HKV', type: 'user_reference' },
          data: { id: 'PGR0VU2', type: 'incident', number: 2, status: type.slice(9), incident_key: dedupKey },
        },
      })
      return { body, signature: `v1=${createHmac('sha256', webhookSecret).update(body).digest('hex')}` }
    },
  }
}
