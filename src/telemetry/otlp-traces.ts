import { attributesText, nanoseconds, otlpBody, type Speaker } from './otlp.ts'
import type { Span, SpanKind } from './tracer.ts'

const kinds: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2, client: 3 }

/** The body of a request to `/v1/traces`. */
export function otlpTraces(speaker: Speaker, spans: readonly Span[]): string {
  return otlpBody(speaker, 'Spans', 'spans', spans.map(spanText))
}

function spanText({ traceId, spanId, parentId, name, kind, startMs, durationMs, attributes, failed }: Span): string {
  const parent = parentId === undefined ? '' : `"parentSpanId":"${parentId}",`
  // Without a message: it would be text of an error.
  const status = failed ? '{"code":2}' : '{}'
  return (
    `{"traceId":"${traceId}","spanId":"${spanId}",${parent}"name":${JSON.stringify(name)},"kind":${kinds[kind]},` +
    `"startTimeUnixNano":"${nanoseconds(startMs)}","endTimeUnixNano":"${nanoseconds(startMs + durationMs)}",` +
    `"attributes":[${attributesText(attributes)}],"status":${status}}`
  )
}
