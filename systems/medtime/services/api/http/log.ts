import pino from 'pino'

/** What one line may say: names of events, ids of requests, codes and times. Never a body, a query or an error's text. */
export interface LogEntry {
  event:
    | 'listening'
    | 'stopping'
    | 'stopped'
    | 'not_started'
    | 'request'
    | 'failed'
    | 'database_connection_lost'
    | 'certificate_taken'
    | 'certificate_unusable'
    | 'job_done'
    | 'job_failed'
    | 'catalog_without_sources'
    | 'message_sent'
    | 'message_put_off'
    | 'message_doubtful'
    | 'message_ended'
    | 'message_receipt'
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
  error(entry: LogEntry): void
}

/** Longest a line waits in memory. */
const flushEveryMs = 500

/**
 * One JSON object a line on standard output. Lines about requests are written together, since each write costs as much as a
 * small request; a kill may lose the last half second of them. Whatever is not ordinary is written at once. Once nobody reads
 * any more, as after a kill of whoever started the service, nothing is written and the service goes on.
 */
export function createLog(service: string): Log {
  // Synchronous: the other kind tries for ever to write its last lines to nobody, and its process never ends.
  const destination = pino.destination({ fd: 1, sync: true, minLength: 8_192 })
  const logger = pino(
    { base: { service }, messageKey: 'event', formatters: { level: (label) => ({ level: label }) } },
    destination,
  )
  let heard = true
  destination.on('error', () => {
    heard = false
  })
  const flush = () => {
    if (heard) destination.flush()
  }
  setInterval(flush, flushEveryMs).unref()
  process.on('exit', flush)
  const write = (level: 'info' | 'error', { event, ...fields }: LogEntry) => {
    if (!heard) return
    logger[level](fields, event)
    // Not flushSync, which tries for ever as well.
    if (event !== 'request') flush()
  }
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
