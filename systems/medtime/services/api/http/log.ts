import type { EventName } from 'aval/telemetry'
import type plan from '../../../plan.ts'
import { type ServiceTelemetry, serviceTelemetry } from './service-telemetry.ts'

/** What one line may say: names of events, ids of requests, codes and times. Never a body, a query or an error's text. */
export interface LogEntry {
  /** As the plan lists them. */
  event: EventName<NonNullable<(typeof plan)['telemetry']>>
  request_id?: string
  method?: string
  endpoint?: string
  status_code?: number
  error_code?: string
  duration_ms?: number
  count?: number
  /** A name of our own. */
  job?: string
  message_id?: string
  message_type?: string
}

export interface Log {
  info(entry: LogEntry): void
  /** @param thrown what nobody expected: reported by its class, its code and its place in our code */
  error(entry: LogEntry, thrown?: unknown): void
}

/** A log in the words of a service over what leaves it. One JSON object a line, on standard output unless told otherwise. */
export function createLog(
  service: string,
  telemetry: Pick<ServiceTelemetry<string>, 'log' | 'report'> = serviceTelemetry(service),
): Log {
  return {
    info: ({ event, ...fields }) => telemetry.log.info(event, fields),
    error: ({ event, ...fields }, thrown) => {
      telemetry.log.error(event, fields)
      if (thrown !== undefined) telemetry.report(thrown)
    },
  }
}

/**
 * What may be told of something nobody expected: its class, and its code when it has the form of one. Its message and its
 * stack may hold what a client sent.
 */
export function errorCode(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'UNKNOWN'
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''
  return /^[A-Z0-9_]{2,40}$/.test(code) ? code : thrown.constructor.name
}
