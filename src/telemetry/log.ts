import pino from 'pino'
import type { Admit } from './admit.ts'
import type { Values } from './listed.ts'
import type { LogRecord } from './otlp-logs.ts'
import type { Refuse } from './refusals.ts'
import type { RotatingFile } from './rotating-file.ts'
import { currentContext } from './trace-context.ts'

/** Lines of JSON, each an event of the plan's list with fields of the plan's list. Nothing of it throws. */
export interface Log<Event extends string = string, Field extends string = string> {
  info(event: Event, fields?: Values<Field>): void
  error(event: Event, fields?: Values<Field>): void
  /** Writes what still waits. */
  flush(): void
  /** Writes it for the last time; of what is told later each line is written at once. */
  close(): void
}

interface LogParts {
  service: string
  events: readonly string[]
  fields: readonly string[]
  admit: Admit
  refuse: Refuse
  /** Milliseconds since the epoch. */
  now: () => number
  /** Standard output when undefined. */
  file: RotatingFile | undefined
  /** Events whose lines are written together. */
  mayWait: readonly string[]
  /** Given every line as well, to be sent elsewhere. */
  send: ((record: LogRecord) => void) | undefined
}

/** Longest a line waits in memory, and most that waits, in bytes. */
const flushEveryMs = 500
const waitingBytes = 8_192

/**
 * Lines of the events that may wait are written together, since each write costs as much as a small request; a kill may lose the
 * last half second of them. Every other is written at once. Once nobody reads standard output any more, as after a kill of
 * whoever started the service, nothing is written and the service goes on.
 */
export function createLog(parts: LogParts): Log {
  const { service, fields: listed, admit, refuse, now, file, send } = parts
  const destination = file === undefined ? standardOutput() : inFile(file)
  const logger = pino(
    {
      base: listed.includes('service') ? { service } : {},
      messageKey: 'event',
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":${Math.floor(now())}`,
    },
    destination,
  )
  const timer = setInterval(destination.flush, flushEveryMs).unref()
  process.on('exit', destination.flush)
  let closed = false
  const events = new Set(parts.events)
  const mayWait = new Set(parts.mayWait)
  const tellsTrace = listed.includes('trace_id')
  const write = (level: 'info' | 'error', event: string, fields: Values<string> = {}) => {
    if (!events.has(event)) return refuse('event', 'other')
    const admitted = admit(fields)
    const context = tellsTrace ? currentContext() : undefined
    send?.({ level, event, atMs: now(), fields: { ...admitted }, traceId: context?.traceId, spanId: context?.spanId })
    if (context !== undefined) admitted['trace_id'] = context.traceId
    logger[level](admitted, event)
    if (closed || !mayWait.has(event)) destination.flush()
  }
  return {
    info: (event, fields) => write('info', event, fields),
    error: (event, fields) => write('error', event, fields),
    flush: destination.flush,
    close: () => {
      closed = true
      clearInterval(timer)
      process.off('exit', destination.flush)
      destination.flush()
    },
  }
}

interface Destination {
  write(line: string): void
  flush(): void
}

function standardOutput(): Destination {
  // Synchronous: the other kind tries for ever to write its last lines to nobody, and its process never ends.
  const stream = pino.destination({ fd: 1, sync: true, minLength: waitingBytes })
  let heard = true
  stream.on('error', () => {
    heard = false
  })
  return {
    write: (line) => {
      if (heard) stream.write(line)
    },
    // Not flushSync, which tries for ever as well.
    flush: () => {
      if (heard) stream.flush()
    },
  }
}

function inFile(file: RotatingFile): Destination {
  let waiting = ''
  const flush = () => {
    if (waiting === '') return
    const lines = waiting
    waiting = ''
    try {
      file.write(lines)
    } catch {
      // A full disk ends the log and not the service; whoever watches sees that no line comes.
    }
  }
  return {
    write: (line) => {
      waiting += line
      if (waiting.length >= waitingBytes) flush()
    },
    flush,
  }
}
