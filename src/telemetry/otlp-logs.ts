import type { Value } from './listed.ts'
import { attributesText, nanoseconds, otlpBody, type Speaker } from './otlp.ts'

/** A line of the log as it was told. */
export interface LogRecord {
  level: 'info' | 'error'
  event: string
  /** Milliseconds since the epoch. */
  atMs: number
  fields: Readonly<Record<string, Value>>
  traceId: string | undefined
  spanId: string | undefined
}

const severities = {
  info: '"severityNumber":9,"severityText":"INFO"',
  error: '"severityNumber":17,"severityText":"ERROR"',
}

/** The body of a request to `/v1/logs`. An event is the body of its line, since no other text stands in one. */
export function otlpLogs(speaker: Speaker, records: readonly LogRecord[]): string {
  return otlpBody(speaker, 'Logs', 'logRecords', records.map(recordText))
}

function recordText({ level, event, atMs, fields, traceId, spanId }: LogRecord): string {
  const trace = traceId === undefined || spanId === undefined ? '' : `,"traceId":"${traceId}","spanId":"${spanId}"`
  return (
    `{"timeUnixNano":"${nanoseconds(atMs)}",${severities[level]},"body":{"stringValue":${JSON.stringify(event)}},` +
    `"attributes":[${attributesText(fields)}]${trace}}`
  )
}
