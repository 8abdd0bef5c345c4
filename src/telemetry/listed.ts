import type { PlanInput } from '../plan/plan.ts'
import type { AllowList, ListedMetrics } from '../plan/telemetry.ts'

/*
 * What the compiler reads off an allow-list. A list whose names it does not know, as one that was read from a file, allows any
 * name here; the process refuses at run time what the list does not hold.
 */

/** The `telemetry` section of a plan, as its writer gives it. */
export type TelemetryInput = NonNullable<PlanInput['telemetry']>

type MetricsOf<T> = T extends { metrics?: infer M } ? NonNullable<M> : ListedMetrics

/** Names of the metrics of a kind that the list lets a service emit. */
export type MetricName<T, Service extends string, Kind> = string extends keyof MetricsOf<T>
  ? string
  : {
      [Name in keyof MetricsOf<T>]: MetricsOf<T>[Name] extends { type: Kind; emittedBy: readonly (infer Emitter)[] }
        ? Service extends Emitter
          ? Name
          : never
        : never
    }[keyof MetricsOf<T>] &
      string

type LabelOf<T, Name> = Name extends keyof MetricsOf<T>
  ? MetricsOf<T>[Name] extends { labels: readonly (infer Label)[] }
    ? Label & string
    : never
  : never

/** The labels of a metric; none may be left out. */
type LabelsOf<T, Name> = Readonly<Record<LabelOf<T, Name>, string>>

/** The labels of a metric as an argument, which is left out when it has none, and what may follow it. */
export type LabelArgument<T, Name, More extends [by?: number] = []> = string extends keyof MetricsOf<T>
  ? [labels?: Readonly<Record<string, string>>, ...More]
  : [LabelOf<T, Name>] extends [never]
    ? [labels?: Readonly<Record<never, string>>, ...More]
    : [labels: LabelsOf<T, Name>, ...More]

type Logs<T> = T extends { logs?: infer L } ? NonNullable<L> : AllowList['logs']
type Traces<T> = T extends { traces?: infer S } ? NonNullable<S> : AllowList['traces']
type Names<Section, Part extends string> = Section extends { [part in Part]?: infer N }
  ? NonNullable<N> extends readonly (infer Name)[]
    ? Name & string
    : string
  : string

/** What a line of the log may tell of. */
export type EventName<T> = Names<Logs<T>, 'events'>
/** What may stand in a line beside what every line has. */
export type FieldName<T> = Exclude<Names<Logs<T>, 'fields'>, 'time' | 'level' | 'service' | 'event'>
/** What a span may be called. */
export type SpanName<T> = Names<Traces<T>, 'spans'>
/** What may be said of a span. */
export type AttributeName<T> = Names<Traces<T>, 'attributes'>

/** What a field or an attribute may hold. */
export type Value = string | number | boolean
/** Fields or attributes, of the names that are allowed; what is undefined is left out. */
export type Values<Name extends string> = Readonly<Partial<Record<Name, Value | undefined>>>
