import { type Telemetry as Declared, telemetry as telemetrySchema } from '../plan/telemetry.ts'
import { admission } from './admit.ts'
import { batches } from './batches.ts'
import { type ErrorAddress, errorEnvelope, parseErrorAddress, sendEnvelope } from './error-report.ts'
import type { AttributeName, EventName, FieldName, SpanName, TelemetryInput } from './listed.ts'
import { createLog, type Log } from './log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { type LogRecord, otlpLogs } from './otlp-logs.ts'
import { otlpMetrics } from './otlp-metrics.ts'
import { otlpTraces } from './otlp-traces.ts'
import { type Collector, post } from './post.ts'
import { openRotatingFile } from './rotating-file.ts'
import { createTracer, type Span, type Tracer } from './tracer.ts'

/** All that leaves a service of itself: nothing but what the plan lists. */
export interface Telemetry<T = TelemetryInput, Service extends string = string> {
  metrics: Metrics<T, Service>
  log: Log<EventName<T>, FieldName<T>>
  tracer: Tracer<SpanName<T>, AttributeName<T>>
  /** Reports something nobody expected: class, code and own frames. Never waits and never throws. */
  report(thrown: unknown): void
  /** Sends what waits: spans, figures, reports. */
  flush(): Promise<void>
  /** Sends it for the last time, and leaves no timer. */
  close(): Promise<void>
}

/** Where telemetry goes. Figures are always there to be scraped, and the log always goes somewhere. */
export interface Destinations {
  /** The log, rotated and expired as the plan says; standard output unless told. */
  logFile?: string | undefined
  /** Spans as lines of JSON, under the same rules. */
  spansFile?: string | undefined
  /** Spans and figures by OTLP/HTTP in JSON: the address before `/v1/traces`. */
  otlp?: Collector | undefined
  /** Lines of the log by OTLP/HTTP in JSON, beside the log: the address before `/v1/logs`. */
  otlpLogs?: Collector | undefined
  /** Error reports, as `https://key@host/project`. */
  errorsTo?: string | undefined
}

export interface TelemetryOptions<Service extends string> extends Destinations {
  service: Service
  version?: string
  /** Own files lie below it: frames of others are left out of reports. */
  root?: string
  /** Events of the log whose lines may wait half a second, to be written together. */
  mayWait?: readonly string[]
  /** Share of the traces begun here that are kept, 0 to 1; all unless told. */
  sample?: number
  /** Milliseconds since the epoch, with fractions. */
  now?: () => number
}

const exportEveryMs = 5_000
const figuresEveryMs = 15_000

/**
 * Makes everything a service tells of itself, from the allow-list of its plan. A metric that is not listed throws METRIC_NOT_LISTED, as a
 * fault of the caller; a field, event, attribute, span or value that is not listed is left out, and no request fails for it. Both are
 * counted in `telemetry_refused_total`, and neither compiles where the compiler knows the list.
 *
 * @param list the `telemetry` section of the plan
 * @throws TypeError when an address is none; what the file system says when a file cannot be written
 * @example
 * const telemetry = createTelemetry(plan.telemetry, { service: 'api' })
 * telemetry.log.info('listening')
 */
export function createTelemetry<const T extends TelemetryInput, const Service extends string>(
  list: T | undefined,
  options: TelemetryOptions<Service>,
): Telemetry<T, Service> {
  const { service, version, now = preciseNow, otlp, otlpLogs: logsTo } = options
  const declared = telemetrySchema.parse(list ?? {})
  const metrics = createMetrics(list, service)
  const { refuse } = metrics
  const speaker = { service, version }
  const lost = (count: number) => {
    for (let n = 0; n < count; n++) refuse('full', 'other')
  }
  const open = (path: string) => openRotatingFile({ path, ...lifeOf(declared), now })

  const together = <Item>(send: (items: readonly Item[]) => Promise<void>) =>
    batches<Item>({ most: 8_192, atOnce: 512, everyMs: exportEveryMs, send, onDropped: lost })
  const spans = otlp && together<Span>((items) => post(otlp, '/v1/traces', otlpTraces(speaker, items)))
  const spansFile = options.spansFile === undefined ? undefined : open(options.spansFile)
  const spanLines =
    spansFile &&
    together<Span>(async (items) => spansFile.write(items.map((span) => `${JSON.stringify(span)}\n`).join('')))
  const lines = logsTo && together<LogRecord>((items) => post(logsTo, '/v1/logs', otlpLogs(speaker, items)))
  const keep =
    spans === undefined && spanLines === undefined
      ? undefined
      : (span: Span) => {
          spans?.add(span)
          spanLines?.add(span)
        }

  const startMs = now()
  const sendFigures = async () => {
    if (otlp === undefined) return
    const body = otlpMetrics(speaker, await metrics.values(), { startMs, nowMs: now() })
    await post(otlp, '/v1/metrics', body).catch(() => lost(1))
  }
  const figures = otlp === undefined ? undefined : setInterval(() => void sendFigures(), figuresEveryMs).unref()

  const address: ErrorAddress | undefined =
    options.errorsTo === undefined ? undefined : parseErrorAddress(options.errorsTo)
  const reports =
    address &&
    batches<string>({
      most: 100,
      atOnce: 1,
      everyMs: exportEveryMs,
      send: ([envelope = '']) => sendEnvelope(address, envelope),
      onDropped: lost,
    })

  const logFile = options.logFile === undefined ? undefined : open(options.logFile)
  const log = createLog({
    service,
    events: declared.logs?.events ?? [],
    fields: declared.logs?.fields ?? [],
    admit: admission(declared, declared.logs?.fields ?? [], 'field', refuse),
    refuse,
    now,
    file: logFile,
    mayWait: options.mayWait ?? [],
    send: lines?.add,
  })
  const flush = async () => {
    log.flush()
    await Promise.all([spans?.flush(), spanLines?.flush(), lines?.flush(), reports?.flush(), sendFigures()])
  }
  return {
    metrics,
    log,
    tracer: createTracer({
      spans: declared.traces?.spans ?? [],
      admit: admission(declared, declared.traces?.attributes ?? [], 'attribute', refuse),
      refuse,
      now,
      sample: options.sample ?? 1,
      keep,
    }),
    report: (thrown) => {
      const fields = declared.errors?.fields
      if (reports === undefined || fields === undefined) return
      reports.add(errorEnvelope(thrown, { speaker, fields, root: options.root ?? process.cwd(), nowMs: now() }))
    },
    flush,
    close: async () => {
      clearInterval(figures)
      await flush()
      log.close()
      await Promise.all([spans?.close(), spanLines?.close(), lines?.close(), reports?.close()])
      spansFile?.close()
    },
  }
}

const preciseNow = () => performance.timeOrigin + performance.now()

function lifeOf({ logs }: Declared) {
  return { rotateAfterMs: logs?.rotateAfter, keepMs: logs?.keep }
}
