import { z } from 'zod'
import { citation, name } from './citation.ts'
import { duration } from './units.ts'

const labelName = z.string().regex(/^[a-z_][a-z0-9_]*$/)

const metric = z.strictObject({
  type: z.enum(['counter', 'gauge', 'histogram']).describe('What kind of figure it is.'),
  help: z.string().describe('What it counts or measures.'),
  labels: z.array(labelName).default([]).describe('Its labels; the values of each stand in telemetry.labels.'),
  buckets: z.array(z.number().positive()).describe('Upper bounds of a histogram.').optional(),
  percentiles: z.array(z.number().gt(0).lt(100)).default([]).describe('Percentiles that dashboards and alerts read.'),
  emittedBy: z
    .array(z.string())
    .default([])
    .describe("Services that emit it; 'aval' for what Aval measures itself; or the name of an exporter."),
  query: z
    .strictObject({
      sql: z.string().min(1).describe('Returns the value: one row, one number.'),
      every: duration.describe('How often it is read.'),
      role: z.string().describe('Role of database.roles it is read as; the owner when left out.').optional(),
    })
    .describe('How Aval reads the metric from the database.')
    .optional(),
  ...citation,
})

const check = z.strictObject({
  call: z.string().min(1).describe('One SELECT that calls it. It may look and notify, and change nothing.'),
  every: duration.describe('How often it is called.'),
  role: z.string().describe('Role of database.roles it is called as; the superuser when left out.').optional(),
  channel: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/)
    .describe('Channel of NOTIFY on which it tells.'),
  tells: z
    .record(z.string().regex(/^[a-z_][a-z0-9_]*$/), z.string())
    .describe(
      'What it may tell of, and the metric that is meant. Its payload is `{"check": "stale_orders", "value": 7}` and nothing else.',
    ),
  ...citation,
})

export type SqlCheck = z.output<typeof check>

export const telemetry = z.strictObject({
  metrics: z
    .record(z.string().regex(/^[a-zA-Z_:][\w:]*$/), metric)
    .default({})
    .describe('The allow-list: what is not named here does not leave a process.'),
  checks: z
    .record(name, check)
    .default({})
    .describe(
      'Conditions that the database judges by itself and tells by NOTIFY: called, and listened to all the time.',
    ),
  labels: z
    .record(labelName, z.array(z.string()).min(1))
    .default({})
    .describe("The values each label may take; any other becomes 'other'."),
  values: z
    .record(z.string(), z.union([z.enum(['figure', 'code', 'name']), z.array(z.string()).min(1)]))
    .default({})
    .describe(
      "What a field or attribute may hold: its values, or 'figure' (a number or a UUID), 'code' (as UPPER_CASE, or the class of an error), 'name' (a name of our own, as small-letters). The values of the label of the same name, or a figure, unless told.",
    ),
  logs: z
    .strictObject({
      fields: z.array(z.string()).default([]).describe('Fields a line may have.'),
      events: z
        .array(z.string())
        .default([])
        .describe('What a line may tell of; its message is one of these and no other text.'),
      rotateAfter: duration.describe('When a new file begins.').optional(),
      keep: duration.describe('How long lines are kept.').optional(),
      sentTo: z
        .string()
        .describe('Environment variable that tells services where lines go by OTLP/HTTP as well; provers listen there.')
        .optional(),
      ...citation,
    })
    .describe('What a log line may say.')
    .optional(),
  traces: z
    .strictObject({
      attributes: z.array(z.string()).default([]).describe('Attributes a span may have.'),
      spans: z.array(z.string()).default([]).describe('Names a span may have.'),
      sentTo: z
        .string()
        .describe('Environment variable that tells services where spans go by OTLP/HTTP; provers listen there.')
        .optional(),
      correlationHeader: z.string().default('X-Correlation-ID').describe('Header that ties requests together.'),
      ...citation,
    })
    .describe('What a trace may say.')
    .optional(),
  errors: z
    .strictObject({
      fields: z.array(z.string()).default(['code', 'class', 'frames']).describe('Fields a report may have.'),
      sentTo: z
        .string()
        .describe(
          'Environment variable that tells services where reports go as envelopes of Sentry; provers listen there.',
        )
        .optional(),
      keep: duration.describe('How long reports are kept.').optional(),
      ...citation,
    })
    .describe('What an error report may say.')
    .optional(),
  forbidden: z
    .record(
      name,
      z.strictObject({ meaning: z.string().describe('What it is, as the subject of "never appear".'), ...citation }),
    )
    .default({})
    .describe('What must never appear in any metric, log, trace or error report.'),
  ...citation,
})

export type Telemetry = z.output<typeof telemetry>

/** Metrics of an allow-list as its writer gives them. */
export type ListedMetrics = Readonly<
  Record<
    string,
    {
      type: 'counter' | 'gauge' | 'histogram'
      labels?: string[] | undefined
      emittedBy?: string[] | undefined
    }
  >
>

/** What of an allow-list the compiler keeps by name, so that a service that uses another name does not compile. */
export interface AllowList<
  Metrics extends ListedMetrics = ListedMetrics,
  Labels extends string = string,
  Events extends string = string,
  Fields extends string = string,
  Spans extends string = string,
  Attributes extends string = string,
> {
  metrics?: Metrics | undefined
  labels?: Readonly<Record<Labels, readonly string[]>> | undefined
  logs?: { events?: readonly Events[] | undefined; fields?: readonly Fields[] | undefined } | undefined
  traces?: { spans?: readonly Spans[] | undefined; attributes?: readonly Attributes[] | undefined } | undefined
}
