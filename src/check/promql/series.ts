import type { Plan } from '../../plan/plan.ts'

/** What is known of the series behind a name that a query uses. */
export interface Series {
  /** Name in telemetry.metrics; undefined for what every scrape brings along, such as `up`. */
  metric: string | undefined
  /** Labels the plan gives it. Every scraped series has `job` and `instance` as well. */
  labels: readonly string[]
}

export const scrapeLabels = ['job', 'instance'] as const

const fromEveryScrape = new Set([
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
])

/** What Aval measures of budgets, and its labels; their values are the plan's own names. */
const spendLabels = new Map([
  ...['month', 'forecast', 'day', 'usual_day'].map((name): [string, string[]] => [`aval_spend_${name}`, ['budget']]),
  ['aval_spend_item_month', ['budget', 'item']],
])

/** The series a name stands for. A histogram has no series of its own name, only `_bucket`, `_sum` and `_count`. */
export function seriesOf(plan: Plan, name: string): Series | { problem: string; fix: string } {
  if (fromEveryScrape.has(name)) return { metric: undefined, labels: [] }
  const ofSpending = spendLabels.get(name)
  if (ofSpending !== undefined && Object.keys(plan.spend).length > 0) return { metric: undefined, labels: ofSpending }
  const { metrics } = plan.telemetry
  const exact = metrics[name]
  if (exact && exact.type !== 'histogram') return { metric: name, labels: exact.labels }
  if (exact) {
    return {
      problem: `"${name}" is a histogram and has no series of that name.`,
      fix: `Use ${name}_bucket, ${name}_sum or ${name}_count.`,
    }
  }
  const base = name.replace(/_(bucket|sum|count)$/, '')
  const histogram = base === name ? undefined : metrics[base]
  if (histogram?.type === 'histogram') {
    return { metric: base, labels: name.endsWith('_bucket') ? [...histogram.labels, 'le'] : histogram.labels }
  }
  return { problem: `Nothing emits "${name}".`, fix: '' }
}
