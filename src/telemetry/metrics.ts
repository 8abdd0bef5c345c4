import { Counter, Gauge, Histogram, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client'
import { failure } from '../errors.ts'
import { type Telemetry, telemetry as telemetrySchema } from '../plan/telemetry.ts'
import type { LabelArgument, MetricName, TelemetryInput } from './listed.ts'
import { type Refuse, refusedCounter } from './refusals.ts'

/** The metrics one service may emit: what its plan lists for it, and nothing else. */
export interface Metrics<T = TelemetryInput, Service extends string = string> {
  /** Adds to a counter. */
  count<Name extends MetricName<T, Service, 'counter'>>(
    name: Name,
    ...labelsAndBy: LabelArgument<T, Name, [by?: number]>
  ): void
  /** Sets a gauge. */
  set<Name extends MetricName<T, Service, 'gauge'>>(name: Name, value: number, ...labels: LabelArgument<T, Name>): void
  /** Reads a gauge when somebody asks for it. */
  read(name: MetricName<T, Service, 'gauge'>, value: () => number): void
  /** Adds an observation to a histogram; seconds or bytes, as the name of the metric says. */
  observe<Name extends MetricName<T, Service, 'histogram'>>(
    name: Name,
    value: number,
    ...labels: LabelArgument<T, Name>
  ): void
  /** Prometheus text format, and its content type. */
  text(): Promise<string>
  contentType: string
  /** The same figures as values, for an exporter. */
  values(): Promise<MetricObjectWithValues<MetricValue<string>>[]>
  /** Counts what was refused elsewhere: in a log, a trace, an error report. */
  refuse: Refuse
}

/**
 * Makes the metrics of a service from the allow-list of its plan. A metric or label that the list does not name is a fault of
 * the caller, does not compile where the compiler knows the list, and throws METRIC_NOT_LISTED at once, so that no test passes
 * without it. A label value outside the declared set becomes `other`, so that neither a person's data nor an endless series can
 * leave through a value. Either is counted in `telemetry_refused_total` when the plan lists it.
 *
 * @param telemetry the `telemetry` section of the plan.
 * @param service only metrics whose `emittedBy` names it are made.
 * @example
 * const metrics = createMetrics(plan.telemetry, 'api')
 * metrics.count('http_requests_total', { method: 'GET', endpoint: '/health', status_code: '200', tier: 'none' })
 */
export function createMetrics<const T extends TelemetryInput, const Service extends string>(
  telemetry: T | undefined,
  service: Service,
): Metrics<T, Service> {
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
  const counted = declared.metrics[refusedCounter]?.labels ?? []
  const refuse: Refuse = (kind, name) => {
    const labels: Record<string, string> = {}
    for (const label of counted) {
      const value = label === 'kind' ? kind : label === 'label' ? name : 'other'
      labels[label] = allowed.get(refusedCounter)?.get(label)?.has(value) ? value : 'other'
    }
    counters.get(refusedCounter)?.inc(labels)
  }
  const bounded = (name: string, labels: Readonly<Record<string, string>>): Record<string, string> => {
    const permitted = allowed.get(name)
    for (const label in labels) {
      if (permitted?.has(label)) continue
      refuse('label', 'other')
      throw failure('METRIC_NOT_LISTED', { what: `label "${label}" of ${name}`, service })
    }
    const clean: Record<string, string> = {}
    for (const [label, values] of permitted ?? []) {
      const value = labels[label] ?? 'other'
      clean[label] = values.has(value) ? value : 'other'
      if (!values.has(value)) refuse('value', label)
    }
    return clean
  }
  const listed = <T>(made: Map<string, T>, kind: string, name: string): T => {
    const metric = made.get(name)
    if (metric !== undefined) return metric
    refuse('metric', 'other')
    throw failure('METRIC_NOT_LISTED', { what: `${kind} "${name}"`, service })
  }

  const readAll = () => {
    for (const [gauge, value] of readers) gauge.set(value())
  }
  return {
    count: (name, labels = {}, by = 1) => listed(counters, 'counter', name).inc(bounded(name, labels), by),
    set: (name, value, labels = {}) => listed(gauges, 'gauge', name).set(bounded(name, labels), value),
    read: (name, value) => void readers.set(listed(gauges, 'gauge', name), value),
    observe: (name, value, labels = {}) => listed(histograms, 'histogram', name).observe(bounded(name, labels), value),
    text: () => {
      readAll()
      return registry.metrics()
    },
    contentType: registry.contentType,
    values: () => {
      readAll()
      return registry.getMetricsAsJSON()
    },
    refuse,
  }
}
