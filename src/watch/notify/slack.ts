import { type Deliver, needed } from './channel.ts'
import { outcomeOf, post } from './post.ts'
import { cut, textOf } from './words.ts'

/**
 * Slack's incoming webhooks. They know no key for repetitions: when the answer to a message is lost, the next attempt may show it twice.
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 */
export const deliverToSlack: Deliver = async (delivery) => {
  const answer = await post({
    url: needed(delivery, 'url'),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: cut(escaped(textOf(delivery.message, delivery.language)), 4_000) }),
    timeoutMs: delivery.timeoutMs,
    nowMs: delivery.nowMs,
  })
  // Something between here and Slack may answer 200 with a page of its own; Slack says "ok".
  if (answer.kind === 'answered' && answer.status === 200 && answer.text.trim() !== 'ok')
    return { kind: 'failed', reason: 'an answer that is not of Slack', unsure: true }
  return outcomeOf(answer)
}

/** The three characters that Slack reads as its own. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
