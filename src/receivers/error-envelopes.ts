import { z } from 'zod'
import { type Receiver, startReceiver } from './receiver.ts'

/** Takes error reports as the envelope endpoint of Sentry does, and refuses what that format does not have. */
export interface ErrorReceiver extends Receiver {
  /** Where a service sends its reports. */
  dsn: string
  events: z.output<typeof event>[]
}

const key = 'e12d836b15bb49d7bbf99e64295d995b'
const id = z.string().regex(/^[0-9a-f]{32}$/)

const frame = z.strictObject({
  filename: z.string().min(1),
  function: z.string().optional(),
  lineno: z.int().positive(),
  colno: z.int().positive(),
  in_app: z.literal(true),
})
const event = z.strictObject({
  event_id: id,
  timestamp: z.number().positive(),
  platform: z.literal('node'),
  level: z.literal('error'),
  release: z.string().optional(),
  tags: z.record(z.string(), z.string()),
  contexts: z
    .strictObject({
      trace: z.strictObject({ trace_id: id, span_id: z.string().regex(/^[0-9a-f]{16}$/) }),
    })
    .optional(),
  exception: z.strictObject({
    values: z.tuple([
      z.strictObject({
        type: z.string().min(1),
        value: z.string(),
        stacktrace: z.strictObject({ frames: z.array(frame).min(1) }).optional(),
      }),
    ]),
  }),
})
const envelopeHeader = z.strictObject({ event_id: id, sent_at: z.iso.datetime() })
const itemHeader = z.strictObject({
  type: z.literal('event'),
  content_type: z.literal('application/json'),
  length: z.int().nonnegative(),
})

export async function startErrorReceiver(): Promise<ErrorReceiver> {
  const events: z.output<typeof event>[] = []
  const receiver = await startReceiver(({ path, method, headers, body }) => {
    if (method !== 'POST' || path !== '/api/42/envelope/') return { status: 404 }
    if (headers['content-type'] !== 'application/x-sentry-envelope') return { status: 415 }
    const auth = /^Sentry sentry_version=7, sentry_client=[\w/.-]+, sentry_key=([0-9a-f]{32})$/
    if (auth.exec(String(headers['x-sentry-auth']))?.[1] !== key) return { status: 403 }
    try {
      events.push(readEnvelope(body))
      return { status: 200, body: '{}' }
    } catch {
      return { status: 400 }
    }
  })
  return { ...receiver, dsn: receiver.origin.replace('://', `://${key}@`).concat('/42'), events }
}

/** Reads the parts by the length that their header tells, as the format asks. */
function readEnvelope(body: string): z.output<typeof event> {
  const bytes = Buffer.from(body)
  const firstEnd = bytes.indexOf(10)
  const secondEnd = bytes.indexOf(10, firstEnd + 1)
  const header = envelopeHeader.parse(JSON.parse(bytes.toString('utf8', 0, firstEnd)))
  const item = itemHeader.parse(JSON.parse(bytes.toString('utf8', firstEnd + 1, secondEnd)))
  const payloadEnd = secondEnd + 1 + item.length
  if (bytes.toString('utf8', payloadEnd) !== '\n') throw new Error('the length is not that of the payload')
  const told = event.parse(JSON.parse(bytes.toString('utf8', secondEnd + 1, payloadEnd)))
  if (told.event_id !== header.event_id) throw new Error('two ids')
  return told
}
