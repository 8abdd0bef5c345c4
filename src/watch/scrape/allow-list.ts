import type { Telemetry } from '../../plan/telemetry.ts'
import type { Labels } from '../series.ts'
import type { Reading } from './reading.ts'

/** What kept a figure, or a part of its labels, from coming in. */
export type RefusalKind = 'metric' | 'label' | 'label_value' | 'bucket' | 'duplicate'

export const refusalKinds: readonly RefusalKind[] = ['metric', 'label', 'label_value', 'bucket', 'duplicate']

export interface Admitted {
  readings: Reading[]
  refused: ReadonlyMap<RefusalKind, number>
}

interface Verdict {
  labels: Labels | undefined
  refused: readonly RefusalKind[]
  adds: boolean
}

/** The buckets of prom-client when none are named. */
const usualBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * Lets in what the plan lists and nothing else, whatever a target sends: names of metrics, names of labels, and values of labels;
 * another value becomes `other`. A label that is not listed is left out. Figures that fall together are added where adding means
 * something (counters, histograms), else the first stands.
 */
export function allowList(telemetry: Telemetry): (readings: readonly Reading[]) => Admitted {
  const verdicts = new WeakMap<Labels, Verdict>()
  const values = new Map(Object.entries(telemetry.labels).map(([label, listed]) => [label, new Set(listed)]))
  const judge = (labels: Labels): Verdict => {
    const metric = listedMetric(telemetry, labels['__name__'] ?? '')
    if (!metric) return { labels: undefined, refused: ['metric'], adds: false }
    const refused: RefusalKind[] = []
    const admitted: Record<string, string> = { __name__: metric.name }
    for (const [label, value] of Object.entries(labels)) {
      if (label === '__name__') continue
      if (label === 'le' && metric.buckets) {
        if (!metric.buckets.has(boundOf(value))) return { labels: undefined, refused: ['bucket'], adds: false }
        admitted[label] = boundOf(value) === Infinity ? '+Inf' : String(boundOf(value))
      } else if (!metric.labels.includes(label)) refused.push('label')
      else if (values.get(label)?.has(value)) admitted[label] = value
      else {
        admitted[label] = 'other'
        if (value !== 'other') refused.push('label_value')
      }
    }
    return { labels: admitted, refused, adds: metric.adds }
  }
  return (readings) => {
    const refused = new Map<RefusalKind, number>()
    const count = (kind: RefusalKind) => refused.set(kind, (refused.get(kind) ?? 0) + 1)
    const found = new Map<string, Reading>()
    for (const { labels, value } of readings) {
      let verdict = verdicts.get(labels)
      if (!verdict) {
        verdict = judge(labels)
        verdicts.set(labels, verdict)
      }
      verdict.refused.forEach(count)
      if (!verdict.labels) continue
      const key = keyOf(verdict.labels)
      const before = found.get(key)
      if (!before) found.set(key, { labels: verdict.labels, value })
      else if (verdict.adds) before.value += value
      else count('duplicate')
    }
    return { readings: [...found.values()], refused }
  }
}

const keys = new WeakMap<Labels, string>()

function keyOf(labels: Labels): string {
  let key = keys.get(labels)
  if (key === undefined) {
    key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
    keys.set(labels, key)
  }
  return key
}

interface ListedMetric {
  name: string
  labels: readonly string[]
  adds: boolean
  /** Only of the buckets of a histogram: their upper bounds. */
  buckets: ReadonlySet<number> | undefined
}

function listedMetric(telemetry: Telemetry, name: string): ListedMetric | undefined {
  const metric = Object.hasOwn(telemetry.metrics, name) ? telemetry.metrics[name] : undefined
  if (metric && metric.type !== 'histogram') {
    return { name, labels: metric.labels, adds: metric.type === 'counter', buckets: undefined }
  }
  const [, base = '', part] = /^(.*)_(bucket|sum|count)$/.exec(name) ?? []
  const histogram = Object.hasOwn(telemetry.metrics, base) ? telemetry.metrics[base] : undefined
  if (histogram?.type !== 'histogram') return undefined
  const buckets = part === 'bucket' ? new Set([...(histogram.buckets ?? usualBuckets), Infinity]) : undefined
  return { name, labels: histogram.labels, adds: true, buckets }
}

function boundOf(value: string): number {
  return /^\+?Inf$/.test(value) ? Infinity : Number(value)
}
