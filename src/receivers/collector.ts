import { z } from 'zod'
import { type Receiver, startReceiver } from './receiver.ts'

/** Takes OTLP/HTTP in JSON, and refuses what its protobuf mapping does not have. */
export interface Collector extends Receiver {
  spans: z.output<typeof span>[]
  metrics: z.output<typeof metric>[]
  lines: z.output<typeof line>[]
}

const anyValue = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ boolValue: z.boolean() }),
  z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
  z.strictObject({ doubleValue: z.number() }),
])
const attributes = z.array(z.strictObject({ key: z.string().min(1), value: anyValue }))
const nanoseconds = z.string().regex(/^\d{19}$/)
const scope = z.strictObject({ name: z.string() })
const resource = z.strictObject({ attributes })

const span = z.strictObject({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  name: z.string().min(1),
  kind: z.int().min(1).max(5),
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
  attributes,
  status: z.strictObject({ code: z.literal(2).optional() }),
})
const times = { startTimeUnixNano: nanoseconds, timeUnixNano: nanoseconds, attributes }
const numbers = z.array(z.strictObject({ ...times, asDouble: z.number() }))
const buckets = z
  .strictObject({
    ...times,
    count: z.string().regex(/^\d+$/),
    sum: z.number(),
    explicitBounds: z.array(z.number()),
    bucketCounts: z.array(z.string().regex(/^\d+$/)),
  })
  .refine(({ explicitBounds, bucketCounts }) => bucketCounts.length === explicitBounds.length + 1)
  .refine(({ count, bucketCounts }) => bucketCounts.reduce((sum, each) => sum + Number(each), 0) === Number(count))
const described = { name: z.string().min(1), description: z.string() }
const metric = z.union([
  z.strictObject({
    ...described,
    sum: z.strictObject({ aggregationTemporality: z.literal(2), isMonotonic: z.literal(true), dataPoints: numbers }),
  }),
  z.strictObject({ ...described, gauge: z.strictObject({ dataPoints: numbers }) }),
  z.strictObject({
    ...described,
    histogram: z.strictObject({ aggregationTemporality: z.literal(2), dataPoints: z.array(buckets) }),
  }),
])
const traces = z.strictObject({
  resourceSpans: z.tuple([
    z.strictObject({ resource, scopeSpans: z.tuple([z.strictObject({ scope, spans: z.array(span) })]) }),
  ]),
})
const figures = z.strictObject({
  resourceMetrics: z.tuple([
    z.strictObject({ resource, scopeMetrics: z.tuple([z.strictObject({ scope, metrics: z.array(metric) })]) }),
  ]),
})
const line = z.strictObject({
  timeUnixNano: nanoseconds,
  severityNumber: z.int().min(1).max(24),
  severityText: z.string().min(1),
  body: z.strictObject({ stringValue: z.string() }),
  attributes,
  traceId: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional(),
  spanId: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
})
const logs = z.strictObject({
  resourceLogs: z.tuple([
    z.strictObject({ resource, scopeLogs: z.tuple([z.strictObject({ scope, logRecords: z.array(line) })]) }),
  ]),
})

export async function startCollector(): Promise<Collector> {
  const spans: z.output<typeof span>[] = []
  const metrics: z.output<typeof metric>[] = []
  const lines: z.output<typeof line>[] = []
  const receiver = await startReceiver(({ path, method, headers, body }) => {
    if (method !== 'POST') return { status: 405 }
    if (headers['content-type'] !== 'application/json') return { status: 415 }
    try {
      if (path === '/v1/traces') spans.push(...traces.parse(JSON.parse(body)).resourceSpans[0].scopeSpans[0].spans)
      else if (path === '/v1/metrics') {
        metrics.push(...figures.parse(JSON.parse(body)).resourceMetrics[0].scopeMetrics[0].metrics)
      } else if (path === '/v1/logs')
        lines.push(...logs.parse(JSON.parse(body)).resourceLogs[0].scopeLogs[0].logRecords)
      else return { status: 404 }
      return { status: 200, body: '{}' }
    } catch {
      return { status: 400 }
    }
  })
  return { ...receiver, spans, metrics, lines }
}
