import { randomUUID } from 'node:crypto'
import { isCode } from './admit.ts'
import type { Speaker } from './otlp.ts'
import { ownFrames } from './own-frames.ts'
import { currentContext } from './trace-context.ts'

/** Where reports go: an address as `https://key@host/project`. */
export interface ErrorAddress {
  /** Where envelopes are taken. */
  url: string
  key: string
}

/** @throws TypeError when it is no such address; its text does not repeat it, since it holds a key */
export function parseErrorAddress(dsn: string): ErrorAddress {
  const url = URL.canParse(dsn) ? new URL(dsn) : undefined
  const [, path = '', project] = /^(.*)\/([\w-]+)$/.exec(url?.pathname ?? '') ?? []
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username === '' || project === undefined) {
    throw new TypeError('The address of error reports has the form https://key@host/project')
  }
  return { url: `${url.protocol}//${url.host}${path}/api/${project}/envelope/`, key: url.username }
}

/** What may be told of something that was thrown: the class of it, and its code where it has the form of one. */
export function classAndCode(thrown: unknown): { class: string; code: string | undefined } {
  if (!(thrown instanceof Error)) return { class: 'UNKNOWN', code: undefined }
  const code = 'code' in thrown && typeof thrown.code === 'string' && isCode(thrown.code) ? thrown.code : undefined
  const name = thrown.constructor.name
  return { class: /^[A-Z]\w{0,60}$/.test(name) ? name : 'Error', code }
}

/**
 * An envelope as Sentry takes it, of what `fields` allows: `class`, `code`, `frames`. There is no message in it: its place is
 * taken by the code, since a message may hold what a client sent.
 * @param root own files lie below it
 */
export function errorEnvelope(
  thrown: unknown,
  { speaker, fields, root, nowMs }: { speaker: Speaker; fields: readonly string[]; root: string; nowMs: number },
): string {
  const told = classAndCode(thrown)
  const context = currentContext()
  const frames = fields.includes('frames') && thrown instanceof Error ? ownFrames(thrown, root) : []
  const id = randomUUID().replaceAll('-', '')
  const event = {
    event_id: id,
    timestamp: nowMs / 1000,
    platform: 'node',
    level: 'error',
    tags: { service: speaker.service },
    ...(speaker.version === undefined ? {} : { release: speaker.version }),
    ...(context === undefined ? {} : { contexts: { trace: { trace_id: context.traceId, span_id: context.spanId } } }),
    exception: {
      values: [
        {
          type: fields.includes('class') ? told.class : 'Error',
          value: fields.includes('code') ? (told.code ?? '') : '',
          // The format has the innermost last.
          ...(frames.length === 0 ? {} : { stacktrace: { frames: frames.toReversed().map(frame) } }),
        },
      ],
    },
  }
  const payload = JSON.stringify(event)
  const header = JSON.stringify({ event_id: id, sent_at: new Date(nowMs).toISOString() })
  const item = JSON.stringify({ type: 'event', content_type: 'application/json', length: Buffer.byteLength(payload) })
  return `${header}\n${item}\n${payload}\n`
}

function frame({ file, line, column, function: name }: ReturnType<typeof ownFrames>[number]) {
  return {
    filename: file,
    lineno: line,
    colno: column,
    in_app: true,
    ...(name === undefined ? {} : { function: name }),
  }
}

/** Sends an envelope. @throws when it was not taken within 10 s */
export async function sendEnvelope({ url, key }: ErrorAddress, envelope: string): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-sentry-envelope',
      'x-sentry-auth': `Sentry sentry_version=7, sentry_client=aval/1, sentry_key=${key}`,
    },
    body: envelope,
    signal: AbortSignal.timeout(10_000),
  })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`error reports: status ${response.status}`)
}
