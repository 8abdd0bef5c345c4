import type { Admit } from './admit.ts'
import type { Value, Values } from './listed.ts'
import type { Refuse } from './refusals.ts'
import {
  type Carried,
  correlationIdOf,
  currentContext,
  parseTraceparent,
  randomId,
  runIn,
  type TraceContext,
} from './trace-context.ts'

/** A span that ended. */
export interface Span {
  name: string
  kind: SpanKind
  traceId: string
  spanId: string
  parentId: string | undefined
  /** Milliseconds since the epoch, with fractions. */
  startMs: number
  durationMs: number
  failed: boolean
  attributes: Readonly<Record<string, Value>>
}

/** Whether it answers somebody, asks somebody, or neither. */
export type SpanKind = 'server' | 'client' | 'internal'

/** A span that runs. */
export interface OpenSpan<Attribute extends string = string> {
  /** What runs in it belongs to it. */
  context: TraceContext
  /** @param failed whether what it measured failed through a fault of ours */
  end(attributes?: Values<Attribute>, failed?: boolean): void
}

/** Makes spans of the names that the plan lists. Nothing of it throws: what is not listed is left out and counted. */
export interface Tracer<Name extends string = string, Attribute extends string = string> {
  /** Begins a span below what runs now, or below what another process sent. */
  begin(name: Name, kind: SpanKind, from?: Sent): OpenSpan<Attribute>
  /** Runs work in a span of its own; it failed when the work throws. What the work throws is thrown on. */
  run<T>(name: Name, attributes: Values<Attribute>, work: () => Promise<T>, from?: Sent): Promise<T>
  /** Notes something short that has just ended, below what runs now or ran when it began; nothing where no span is kept. */
  note(name: Name, attributes: Values<Attribute>, durationMs: number, failed: boolean, above?: TraceContext): void
}

/** A context as another process sent it, or left out of what it sent. */
type Sent = { [part in keyof Carried]?: Carried[part] | undefined }

interface TracerParts {
  spans: readonly string[]
  admit: Admit
  refuse: Refuse
  /** Milliseconds since the epoch, with fractions. */
  now: () => number
  /** Share of the traces begun here that are kept, 0 to 1. */
  sample: number
  /** Where spans go; without it none is made, and contexts are carried all the same. */
  keep: ((span: Span) => void) | undefined
}

const nothing = () => undefined

/** Own and thin, so that each span passes the allow-list as it is made; docs/telemetry.md has what it costs. */
export function createTracer({ spans, admit, refuse, now, sample, keep }: TracerParts): Tracer {
  const listed = new Set(spans)
  /** By the id, so that every process that sees the trace decides alike. */
  const isSampled = (traceId: string) => sample >= 1 || Number.parseInt(traceId.slice(-8), 16) < sample * 2 ** 32

  const begin: Tracer['begin'] = (name, kind, from) => {
    const running = currentContext()
    const above = from === undefined ? running : parseTraceparent(from.traceparent)
    const traceId = above?.traceId ?? randomId(16)
    const context: TraceContext = {
      traceId,
      spanId: randomId(8),
      sampled: keep !== undefined && (above?.sampled ?? isSampled(traceId)),
      correlationId:
        from === undefined && running !== undefined ? running.correlationId : correlationIdOf(from?.correlationId),
    }
    if (keep === undefined || !context.sampled) return { context, end: nothing }
    const startMs = now()
    return {
      context,
      end: (attributes = {}, failed = false) => {
        if (!listed.has(name)) return refuse('span', 'other')
        keep({
          name,
          kind,
          traceId,
          spanId: context.spanId,
          parentId: above?.spanId,
          startMs,
          durationMs: now() - startMs,
          failed,
          attributes: admit(attributes),
        })
      },
    }
  }

  return {
    begin,
    run: async (name, attributes, work, from) => {
      const span = begin(name, 'internal', from)
      let failed = true
      try {
        const result = await runIn(span.context, work)
        failed = false
        return result
      } finally {
        span.end(attributes, failed)
      }
    },
    note: (name, attributes, durationMs, failed, above = currentContext()) => {
      if (above?.sampled !== true || keep === undefined) return
      if (!listed.has(name)) return refuse('span', 'other')
      keep({
        name,
        kind: 'client',
        traceId: above.traceId,
        spanId: randomId(8),
        parentId: above.spanId,
        startMs: now() - durationMs,
        durationMs,
        failed,
        attributes: admit(attributes),
      })
    },
  }
}
