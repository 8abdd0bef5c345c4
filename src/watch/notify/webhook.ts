import { createHmac, timingSafeEqual } from 'node:crypto'
import { type Deliver, needed } from './channel.ts'
import { outcomeOf, post } from './post.ts'
import { textOf } from './words.ts'

const header = 'aval-signature'
const toleranceMs = 300_000

/** A webhook of anybody's: the message as JSON, signed with its time. `Idempotency-Key` is the same at every attempt. */
export const deliverToWebhook: Deliver = async (delivery) => {
  const { message, language } = delivery
  const body = JSON.stringify({ version: 1, id: delivery.key, text: textOf(message, language), ...message })
  const secret = needed(delivery, 'secret').reveal()
  const answer = await post({
    url: needed(delivery, 'url'),
    headers: {
      'content-type': 'application/json',
      'idempotency-key': delivery.key,
      [header]: webhookSignature(secret, body, delivery.nowMs),
    },
    body,
    timeoutMs: delivery.timeoutMs,
    nowMs: delivery.nowMs,
  })
  return outcomeOf(answer)
}

/** `t=<seconds>,v1=<hex>`: HMAC-SHA256 over the seconds, a point and the body. */
export function webhookSignature(secret: string, body: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1_000)
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}

/** Whether a request is of who shares the secret and at most five minutes old; what a receiver asks. */
export function webhookIsSigned(secret: string, body: string, signature: string, nowMs: number): boolean {
  const seconds = /^t=(\d{1,12}),v1=[0-9a-f]{64}$/.exec(signature)?.[1]
  if (seconds === undefined || Math.abs(nowMs - Number(seconds) * 1_000) > toleranceMs) return false
  const expected = Buffer.from(webhookSignature(secret, body, Number(seconds) * 1_000))
  return timingSafeEqual(expected, Buffer.from(`t=${Number(seconds)},${signature.split(',')[1]}`))
}
