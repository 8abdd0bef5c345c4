import type { Matcher } from '../../check/promql/parse.ts'
import { seriesOf } from '../../check/promql/series.ts'
import type { Plan } from '../../plan/plan.ts'
import type { CompiledQuery } from '../../watch/promql/compile.ts'
import { acceptsAll } from '../../watch/promql/matchers.ts'
import { reachOf } from '../../watch/promql/reach.ts'
import { type Labels, type SeriesSpan, seriesKey } from '../../watch/series.ts'

/*
 * Samples that bring an expression to its bound without knowing what it means: every selector gets a series that the plan lets somebody emit, one of them is
 * driven by a figure, the others stand still. What the plan lists nowhere, or gives no label value to, is not made: an alert on a misspelt name finds
 * nothing, here as in production.
 */

/**
 * How the figure drives a series: as its value, as the age in seconds of the moment that is its value, as its growth a second, or as the part of
 * observations that are slow.
 */
export type Drive = 'value' | 'age' | 'growth' | 'slow-part'

/** One series, or the buckets of one histogram. */
export interface Emitter {
  metric: string
  drive: Drive
  labels: Labels
  /** Of a histogram whose buckets are read: upper bounds in ascending order, without the last, which is infinite. */
  buckets: readonly number[]
}

export interface World {
  emitters: readonly Emitter[]
  /** Selectors of the query that nothing the plan lists can answer. */
  unanswered: readonly string[]
}

/** What has to emit for the query to have something to read. */
export function worldOf(plan: Plan, query: CompiledQuery): World {
  const emitters = new Map<string, Emitter>()
  const unanswered: string[] = []
  const reaches = reachOf(query)
  for (const { metric, matchers } of reaches) {
    const emitter = metric === undefined ? undefined : emitterFor(plan, metric, matchers, othersOf(reaches, matchers))
    if (emitter === undefined) unanswered.push(metric ?? 'a selector without a name')
    else emitters.set(seriesKey(emitter.labels), emitter)
  }
  return { emitters: [...emitters.values()], unanswered }
}

function othersOf(
  reaches: readonly { metric: string | undefined; matchers: readonly Matcher[] }[],
  own: readonly Matcher[],
): (readonly Matcher[])[] {
  return reaches.map(({ matchers }) => matchers).filter((matchers) => matchers !== own)
}

function emitterFor(
  plan: Plan,
  name: string,
  matchers: readonly Matcher[],
  others: readonly (readonly Matcher[])[],
): Emitter | undefined {
  const series = seriesOf(plan, name)
  if ('problem' in series) return undefined
  const entry = series.metric === undefined ? undefined : plan.telemetry.metrics[series.metric]
  // Nobody emits what nobody is named for, whatever its alert hopes.
  if (entry !== undefined && entry.emittedBy.length === 0 && entry.query === undefined) return undefined
  const labelSets = choices(plan, name, series.labels)
  const accepts = acceptsAll(matchers)
  const fitting = labelSets.filter(accepts)
  // A series that only this selector reads is moved without moving what it is compared with.
  const alone = fitting.find((labels) => !others.some((other) => acceptsAll(other)(labels)))
  const labels = alone ?? fitting[0]
  if (labels === undefined) return undefined
  const isBucket = name.endsWith('_bucket') && entry?.type === 'histogram'
  const drive = isBucket ? 'slow-part' : entry?.type === 'gauge' || entry === undefined ? 'value' : 'growth'
  return { metric: name, drive, labels, buckets: isBucket ? bucketsOf(entry?.buckets) : [] }
}

/** As the client library of Prometheus has them where the plan says nothing. */
const usualBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

function bucketsOf(declared: readonly number[] | undefined): readonly number[] {
  return declared ?? usualBuckets
}

const mostChoices = 2_000

/** Label sets that the plan allows a series of the name, every value of every label in turn beside the first of the others, and all together up to a bound. */
function choices(plan: Plan, name: string, labels: readonly string[]): Labels[] {
  let sets: Labels[] = [{ __name__: name, job: plan.system, instance: 'synthetic' }]
  for (const label of labels.filter((each) => each !== 'le')) {
    const values = plan.telemetry.labels[label] ?? []
    const grown = sets.flatMap((set) => values.map((value) => ({ ...set, [label]: value })))
    if (grown.length > 0) sets = grown.slice(0, mostChoices)
  }
  return sets
}

/** How the driven figure moves over time. */
export type Figure = (atMs: number) => number

export interface Span {
  fromMs: number
  untilMs: number
  stepMs: number
}

/** A series that is not driven: a gauge of 1, a counter that grows by one a second, a histogram whose observations are all quick. */
const still: Record<Drive, number> = { value: 1, age: 1, growth: 1, 'slow-part': 0 }
/** Observations a second of a histogram. */
const observations = 10

/** The series of a world over a span, the driven one as the figure says. */
export function play(world: World, driven: Emitter | undefined, figure: Figure, span: Span): SeriesSpan[] {
  const moments: number[] = []
  for (let atMs = span.fromMs; atMs <= span.untilMs; atMs += span.stepMs) moments.push(atMs)
  const timesMs = Float64Array.from(moments)
  return world.emitters.flatMap((each) => {
    const emitter = each.labels === driven?.labels ? driven : each
    const at: Figure = emitter === driven ? figure : () => still[emitter.drive]
    const series = (labels: Labels, values: number[]): SeriesSpan => ({
      labels,
      timesMs,
      values: Float64Array.from(values),
      endedAtMs: new Float64Array(0),
    })
    if (emitter.drive === 'value') return [series(emitter.labels, moments.map(at))]
    if (emitter.drive === 'age')
      return [
        series(
          emitter.labels,
          moments.map((moment) => moment / 1_000 - at(moment)),
        ),
      ]
    const grown = (perSecond: Figure): number[] => {
      let sum = 0
      return moments.map((moment) => {
        const value = sum
        sum += (perSecond(moment) * span.stepMs) / 1_000
        return value
      })
    }
    if (emitter.drive === 'growth') return [series(emitter.labels, grown(at))]
    const { buckets } = emitter
    const bounds = [...buckets.map(String), '+Inf']
    return bounds.map((le, index) =>
      series(
        { ...emitter.labels, le },
        // The quick fall into the first bucket, the slow into the last that has an end.
        grown((moment) => observations * (index >= buckets.length - 1 ? 1 : 1 - at(moment))),
      ),
    )
  })
}
