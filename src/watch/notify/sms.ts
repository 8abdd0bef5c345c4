import { z } from 'zod'
import { secret } from '../../secrets/secret.ts'
import { type Deliver, needed } from './channel.ts'
import { outcomeOf, post } from './post.ts'
import { cut, subjectOf } from './words.ts'

const e164 = /^\+[1-9]\d{7,14}$/
const made = z.object({ sid: z.string().regex(/^[A-Z]{2}[0-9a-f]{32}$/) })
const refusal = z.object({ code: z.int() })

/**
 * Twilio's Messages. They know no key for repetitions: when the answer is lost, the next attempt may arrive as a second message.
 * One message is at most three segments long. https://www.twilio.com/docs/messaging/api/message-resource
 */
export const deliverBySms: Deliver = async (delivery) => {
  const account = needed(delivery, 'account').reveal()
  const user = delivery.setting('user')?.reveal() ?? account
  const password = needed(delivery, 'password').reveal()
  const to = needed(delivery, 'to').reveal()
  if (!e164.test(to)) return { kind: 'refused', reason: 'the number is not written as +<country><number>' }
  const base = delivery.setting('url')?.reveal() ?? 'https://api.twilio.com'
  const answer = await post({
    url: secret(`${base}/2010-04-01/Accounts/${encodeURIComponent(account)}/Messages.json`),
    headers: {
      authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({
      To: to,
      From: needed(delivery, 'from').reveal(),
      Body: cut(subjectOf(delivery.message, delivery.language), 200),
    }).toString(),
    timeoutMs: delivery.timeoutMs,
    nowMs: delivery.nowMs,
  })
  if (answer.kind === 'lost') return outcomeOf(answer)
  const body = readJson(answer.text)
  if (answer.status === 201) {
    const { data } = made.safeParse(body)
    if (data !== undefined) return { kind: 'delivered', reference: data.sid }
    return { kind: 'failed', reason: 'an answer that is not of Twilio', unsure: true }
  }
  const outcome = outcomeOf(answer)
  const { data } = refusal.safeParse(body)
  if (outcome.kind === 'refused' && data !== undefined)
    return { ...outcome, reason: `${outcome.reason}, code ${data.code}` }
  return outcome.kind === 'delivered'
    ? { kind: 'failed', reason: 'an answer that is not of Twilio', unsure: true }
    : outcome
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
