import { AsyncLocalStorage } from 'node:async_hooks'
import { randomFillSync, randomUUID } from 'node:crypto'

/** What ties together everything that one request or job causes, wherever it runs. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  traceId: string
  /** Of the span that runs now: 16 hexadecimal digits. */
  spanId: string
  /** Whether spans are kept. */
  sampled: boolean
  /** A UUID. */
  correlationId: string
}

/** A context as it travels: as headers of a request, or beside the work of a job. */
export interface Carried {
  /** As W3C Trace Context has it. */
  traceparent: string
  correlationId: string
}

const running = new AsyncLocalStorage<TraceContext>()

/** The context of whatever runs now; undefined outside of any. */
export function currentContext(): TraceContext | undefined {
  return running.getStore()
}

/** Runs work, and everything it begins, in a context. */
export function runIn<T>(context: TraceContext, work: () => T): T {
  return running.run(context, work)
}

const parent = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** What a `traceparent` says; undefined when it is none, as the standard asks. A version of the future is read as this one. */
export function parseTraceparent(text: unknown): Pick<TraceContext, 'traceId' | 'spanId' | 'sampled'> | undefined {
  if (typeof text !== 'string' || text.length > 512) return undefined
  const [, version, traceId, spanId, flags, more] = parent.exec(text) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (version === '00' && more !== undefined) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

const correlation = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A correlation id that was given is taken over when it is a UUID and so can be nothing else; otherwise one is made. */
export function correlationIdOf(given: unknown): string {
  return typeof given === 'string' && correlation.test(given) ? given : randomUUID()
}

/** What to send with a request or to keep beside a job, so that what it causes belongs to this; undefined outside of a context. */
export function carried(): Carried | undefined {
  const context = currentContext()
  if (context === undefined) return undefined
  const { traceId, spanId, sampled, correlationId } = context
  return { traceparent: `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`, correlationId }
}

// Random numbers are dear one by one: one call of the kernel's serves many ids.
const pool = Buffer.allocUnsafe(8_192)
let used = pool.length

/** Random hexadecimal digits, two for each byte; never all zero, which the standard forbids. */
export function randomId(bytes: 8 | 16): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const id = pool.toString('hex', used, used + bytes)
  used += bytes
  return /^0+$/.test(id) ? randomId(bytes) : id
}
