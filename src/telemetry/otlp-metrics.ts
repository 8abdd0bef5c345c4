import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import type { Value } from './listed.ts'
import { nanoseconds, otlpBody, type Speaker } from './otlp.ts'

type Json = string | number | boolean | Json[] | { [key: string]: Json }

/** Labels, whose values are texts. */
const attributes = (values: Readonly<Record<string, Value>>): Json[] =>
  Object.entries(values).map(([key, value]) => ({ key, value: { stringValue: String(value) } }))

const cumulative = 2

/**
 * The body of a request to `/v1/metrics`.
 * @param startMs since when counters count, in milliseconds since the epoch
 */
export function otlpMetrics(
  speaker: Speaker,
  metrics: readonly MetricObjectWithValues<MetricValue<string>>[],
  { startMs, nowMs }: { startMs: number; nowMs: number },
): string {
  const times = { startTimeUnixNano: nanoseconds(startMs), timeUnixNano: nanoseconds(nowMs) }
  const told = metrics.map((metric): Json => {
    const described = { name: metric.name, description: metric.help }
    // The library's types have its kinds as numbers, and its answer as names.
    switch (String(metric.type)) {
      case 'counter':
        return {
          ...described,
          sum: {
            aggregationTemporality: cumulative,
            isMonotonic: true,
            dataPoints: metric.values.map((value) => point(value, times)),
          },
        }
      case 'histogram':
        return {
          ...described,
          histogram: { aggregationTemporality: cumulative, dataPoints: histograms(metric, times) },
        }
      default:
        return { ...described, gauge: { dataPoints: metric.values.map((value) => point(value, times)) } }
    }
  })
  return otlpBody(
    speaker,
    'Metrics',
    'metrics',
    told.map((metric) => JSON.stringify(metric)),
  )
}

type Times = { startTimeUnixNano: string; timeUnixNano: string }

function labelsOf({ labels }: MetricValue<string>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) => (name === 'le' || value === undefined ? [] : [[name, value]])),
  )
}

function point(value: MetricValue<string>, times: Times): Json {
  return { ...times, attributes: attributes(labelsOf(value)), asDouble: value.value }
}

/** Prometheus counts what lies up to each bound; OTLP what lies between two. */
function histograms(metric: MetricObjectWithValues<MetricValue<string>>, times: Times): Json[] {
  const series = new Map<
    string,
    { labels: Record<string, Value>; bounds: number[]; upTo: number[]; sum: number; count: number }
  >()
  for (const value of metric.values) {
    const labels = labelsOf(value)
    const key = JSON.stringify(labels)
    const one = series.get(key) ?? { labels, bounds: [], upTo: [], sum: 0, count: 0 }
    series.set(key, one)
    const suffix = metricSuffix(value, metric.name)
    if (suffix === '_sum') one.sum = value.value
    else if (suffix === '_count') one.count = value.value
    else if (value.labels['le'] !== '+Inf') {
      one.bounds.push(Number(value.labels['le']))
      one.upTo.push(value.value)
    }
  }
  return [...series.values()].map(({ labels, bounds, upTo, sum, count }) => ({
    ...times,
    attributes: attributes(labels),
    count: String(count),
    sum,
    explicitBounds: bounds,
    bucketCounts: [...upTo, count].map((reached, index) => String(reached - (upTo[index - 1] ?? 0))),
  }))
}

function metricSuffix(value: MetricValue<string>, name: string): string {
  return 'metricName' in value && typeof value.metricName === 'string' ? value.metricName.slice(name.length) : ''
}
