import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { type Receiver, startReceiver } from './receiver.ts'

/*
 * Stands in for Slack's incoming webhooks: refuses what they refuse, with their words.
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
 */

const payload = z.strictObject({
  text: z.string().optional(),
  blocks: z
    .array(z.looseObject({ type: z.string() }))
    .max(50)
    .optional(),
  thread_ts: z.string().optional(),
  unfurl_links: z.boolean().optional(),
})

export interface SlackReceiver extends Receiver {
  url: string
  /** Texts that were shown, in their order. */
  shown: string[]
}

export async function startSlack(): Promise<SlackReceiver> {
  const path = `/services/T${randomBytes(5).toString('hex')}/B${randomBytes(5).toString('hex')}/${randomBytes(12).toString('hex')}`
  const shown: string[] = []
  const receiver = await startReceiver((request) => {
    const plain = { 'content-type': 'text/html' }
    if (request.path !== path) return { status: 404, headers: plain, body: 'no_service' }
    if (request.method !== 'POST') return { status: 400, headers: plain, body: 'invalid_payload' }
    if (request.headers['content-type'] !== 'application/json')
      return { status: 400, headers: plain, body: 'invalid_payload' }
    const parsed = payload.safeParse(readJson(request.body))
    if (!parsed.success) return { status: 400, headers: plain, body: 'invalid_payload' }
    const { text, blocks } = parsed.data
    if ((text === undefined || text === '') && blocks === undefined)
      return { status: 400, headers: plain, body: 'no_text' }
    if ((text ?? '').length > 40_000) return { status: 400, headers: plain, body: 'msg_too_long' }
    shown.push(text ?? '')
    return { status: 200, headers: plain, body: 'ok' }
  })
  return { ...receiver, url: `${receiver.origin}${path}`, shown }
}

export function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
