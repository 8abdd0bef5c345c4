import pino, { type Logger } from 'pino'

/** What one line may say: names of events, ids of requests, codes and times. Never a body, a query or an error's text. */
export interface LogEntry {
  event: 'listening' | 'stopping' | 'stopped' | 'not_started' | 'request' | 'failed' | 'database_connection_lost'
  request_id?: string
  method?: string
  endpoint?: string
  status_code?: number
  error_code?: string
  duration_ms?: number
  count?: number
}

export interface Log {
  info(entry: LogEntry): void
  error(entry: LogEntry): void
}

/** One JSON object a line on standard output. */
export function createLog(service: string): Log {
  const logger: Logger = pino({
    base: { service },
    messageKey: 'event',
    formatters: { level: (label) => ({ level: label }) },
  })
  const write = (level: 'info' | 'error', { event, ...fields }: LogEntry) => logger[level](fields, event)
  return { info: (entry) => write('info', entry), error: (entry) => write('error', entry) }
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
