import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { failure } from '../errors.ts'
import type { PlanInput } from '../plan/plan.ts'
import { type Telemetry, telemetry as telemetrySchema } from '../plan/telemetry.ts'

/** The metrics one service may emit: what its plan lists for it, and nothing else. */
export interface Metrics {
  /** Adds to a counter. */
  count(name: string, labels?: Record<string, string>, by?: number): void
  /** Sets a gauge. */
  set(name: string, value: number, labels?: Record<string, string>): void
  /** Reads a gauge when somebody asks for it. */
  read(name: string, value: () => number): void
  /** Adds an observation to a histogram; seconds or bytes, as the name of the metric says. */
  observe(name: string, value: number, labels?: Record<string, string>): void
  /** Prometheus text format, and its content type. */
  text(): Promise<string>
  contentType: string
}

/** Counts label values that were reported as `other`, for a plan that lists it with the label `label`. */
const refused = 'telemetry_refused_total'

/**
 * Makes the metrics of a service from the allow-list of its plan. A metric or label that the list does not name is a fault of
 * the caller and throws METRIC_NOT_LISTED at once, in development as in production, so that no test passes without it. A label
 * value outside the declared set becomes `other`, counted in `telemetry_refused_total` when the plan lists it, so that neither a person's data nor an endless series can
 * leave through a value.
 *
 * @param telemetry the `telemetry` section of the plan.
 * @param service only metrics whose `emittedBy` names it are made.
 * @example
 * const metrics = createMetrics(plan.telemetry, 'api')
 * metrics.count('http_requests_total', { method: 'GET', endpoint: '/health', status_code: '200', tier: 'none' })
 */
export function createMetrics(telemetry: PlanInput['telemetry'], service: string): Metrics {
  const declared: Telemetry = telemetrySchema.parse(telemetry ?? {})
  const registry = new Registry()
  const counters = new Map<string, Counter>()
  const gauges = new Map<string, Gauge>()
  const histograms = new Map<string, Histogram>()
  const readers = new Map<Gauge, () => number>()
  for (const [name, metric] of Object.entries(declared.metrics)) {
    if (!metric.emittedBy.includes(service)) continue
    const options = { name, help: metric.help, labelNames: metric.labels, registers: [registry] }
    if (metric.type === 'counter') counters.set(name, new Counter(options))
    else if (metric.type === 'gauge') gauges.set(name, new Gauge(options))
    else
      histograms.set(
        name,
        new Histogram({ ...options, ...(metric.buckets === undefined ? {} : { buckets: metric.buckets }) }),
      )
  }

  // Requests report by the dozen: what a metric allows is looked up once.
  const allowed = new Map(
    Object.entries(declared.metrics).map(([name, { labels }]) => [
      name,
      new Map(labels.map((label) => [label, new Set(['other', ...(declared.labels[label] ?? [])])])),
    ]),
  )
  const bounded = (name: string, labels: Record<string, string>): Record<string, string> => {
    const permitted = allowed.get(name)
    for (const label of Object.keys(labels)) {
      if (!permitted?.has(label)) throw failure('METRIC_NOT_LISTED', { what: `label "${label}" of ${name}`, service })
    }
    const clean: Record<string, string> = {}
    for (const [label, values] of permitted ?? []) {
      const value = labels[label] ?? 'other'
      clean[label] = values.has(value) ? value : 'other'
      if (!values.has(value)) counters.get(refused)?.inc({ label })
    }
    return clean
  }
  const listed = <T>(made: Map<string, T>, kind: string, name: string): T => {
    const metric = made.get(name)
    if (metric === undefined) throw failure('METRIC_NOT_LISTED', { what: `${kind} "${name}"`, service })
    return metric
  }

  return {
    count: (name, labels = {}, by = 1) => listed(counters, 'counter', name).inc(bounded(name, labels), by),
    set: (name, value, labels = {}) => listed(gauges, 'gauge', name).set(bounded(name, labels), value),
    read: (name, value) => void readers.set(listed(gauges, 'gauge', name), value),
    observe: (name, value, labels = {}) => listed(histograms, 'histogram', name).observe(bounded(name, labels), value),
    text: () => {
      for (const [gauge, value] of readers) gauge.set(value())
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
