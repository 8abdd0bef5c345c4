import { createHmac, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { type Receiver, startReceiver } from './receiver.ts'
import { readJson } from './slack.ts'

/** A receiver of webhooks that believes only what is signed, computes the signature by itself, and knows a repetition by its key. */
export interface WebhookReceiver extends Receiver {
  url: string
  secret: string
  /** Every request that was believed; the messages are those of different keys. */
  requests: number
  messages: Map<string, unknown>
}

export async function startWebhook(now: () => number): Promise<WebhookReceiver> {
  const secret = randomBytes(32).toString('base64url')
  const messages = new Map<string, unknown>()
  let requests = 0
  const receiver = await startReceiver(({ path, method, headers, body }) => {
    if (path !== '/alerts' || method !== 'POST') return { status: 404 }
    const { data } = z
      .object({
        'aval-signature': z.string().regex(/^t=\d+,v1=[0-9a-f]{64}$/),
        'idempotency-key': z.string().regex(/^[0-9a-f]{64}$/),
        'content-type': z.literal('application/json'),
      })
      .safeParse(headers)
    if (data === undefined) return { status: 400 }
    const [time = '', digest = ''] = data['aval-signature'].split(',').map((part) => part.split('=')[1] ?? '')
    if (createHmac('sha256', secret).update(`${time}.${body}`).digest('hex') !== digest) return { status: 401 }
    if (Math.abs(now() - Number(time) * 1_000) > 300_000) return { status: 401 }
    const parsed = readJson(body)
    if (parsed === undefined) return { status: 400 }
    requests++
    messages.set(data['idempotency-key'], parsed)
    return { status: 204 }
  })
  return {
    ...receiver,
    url: `${receiver.origin}/alerts`,
    secret,
    messages,
    get requests() {
      return requests
    },
  }
}
