import { Counter, Gauge, Histogram, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client'
import { failure } from '../errors.ts'
import { type Telemetry, telemetry as telemetrySchema } from '../plan/telemetry.ts'
import { nothingSeen, type Seen, see, toldOf, usualBounds } from './histogram.ts'
import type { LabelArgument, MetricName, TelemetryInput } from './listed.ts'
import { type Refuse, refusedCounter } from './refusals.ts'
import { type Series, seriesOf } from './series.ts'

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
  const counters = new Map<string, Series<Figure>>()
  const gauges = new Map<string, Series<Figure>>()
  const histograms = new Map<string, { bounds: readonly number[]; series: Series<Seen> }>()
  const readers = new Map<string, () => number>()

  const counted = declared.metrics[refusedCounter]?.labels ?? []
  const known = new Set(declared.labels['label'])
  const refuse: Refuse = (kind, name) => {
    const of: Readonly<Record<string, string>> = { kind, label: known.has(name) ? name : 'other' }
    const labels = Object.fromEntries(counted.map((label) => [label, of[label] ?? 'other']))
    const figure = counters.get(refusedCounter)?.at(labels)
    if (figure !== undefined) figure.value++
  }
  const unlisted = (what: string): never => {
    throw failure('METRIC_NOT_LISTED', { what, service })
  }
  const seriesFor = <Cell>(name: string, labels: readonly string[], make: () => Cell) =>
    seriesOf({
      labels: new Map(labels.map((label) => [label, declared.labels[label] ?? []])),
      make,
      unlisted: (label) => {
        refuse('label', 'other')
        return unlisted(`label "${label}" of ${name}`)
      },
      refuse: name === refusedCounter ? () => undefined : refuse,
    })
  const figure = (): Figure => ({ value: 0 })
  for (const [name, { type, help, labels, buckets, emittedBy }] of Object.entries(declared.metrics)) {
    if (!emittedBy.includes(service)) continue
    const options = { name, help, labelNames: labels, registers: [registry] }
    if (type === 'counter') {
      const series = seriesFor(name, labels, figure)
      counters.set(name, series)
      new Counter({
        ...options,
        collect() {
          this.reset()
          for (const { labels, cell } of series.all()) this.inc(labels, cell.value)
        },
      })
    } else if (type === 'gauge') {
      const series = seriesFor(name, labels, figure)
      gauges.set(name, series)
      new Gauge({
        ...options,
        collect() {
          const reader = readers.get(name)
          if (reader !== undefined) series.at({}).value = reader()
          for (const { labels, cell } of series.all()) this.set(labels, cell.value)
        },
      })
    } else {
      const bounds = buckets ?? usualBounds
      const series = seriesFor(name, labels, () => nothingSeen(bounds))
      histograms.set(name, { bounds, series })
      const told = async () => ({ name, help, type, values: toldOf(name, bounds, series) })
      // The registry asks one of them for its text and the other for values. Its own histogram spells all labels out at each observation.
      Object.assign(new Histogram(options), { get: told, getForPromString: told })
    }
  }
  const listed = <T>(made: Map<string, T>, kind: string, name: string): T => {
    const metric = made.get(name)
    if (metric !== undefined) return metric
    refuse('metric', 'other')
    return unlisted(`${kind} "${name}"`)
  }

  return {
    count: (name, labels = none, by = 1) => {
      countUp(listed(counters, 'counter', name).at(labels), by)
    },
    set: (name, value, labels = none) => {
      listed(gauges, 'gauge', name).at(labels).value = value
    },
    read: (name, value) => {
      listed(gauges, 'gauge', name)
      readers.set(name, value)
    },
    observe: (name, value, labels = none) => {
      const { bounds, series } = listed(histograms, 'histogram', name)
      see(series.at(labels), bounds, value)
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
    values: () => registry.getMetricsAsJSON(),
    refuse,
  }
}

interface Figure {
  value: number
}

function countUp(figure: Figure, by = 1): void {
  if (!Number.isFinite(by) || by < 0) throw new RangeError('A counter is counted up, by a finite number')
  figure.value += by
}

const none: Readonly<Record<string, string>> = {}
