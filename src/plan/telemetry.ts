import { z } from 'zod'
import { citation, name } from './citation.ts'
import { duration } from './units.ts'

const labelName = z.string().regex(/^[a-z_][a-z0-9_]*$/)

const metric = z.strictObject({
  type: z.enum(['counter', 'gauge', 'histogram']),
  help: z.string(),
  labels: z.array(labelName).default([]),
  buckets: z.array(z.number().positive()).optional(),
  percentiles: z.array(z.number().gt(0).lt(100)).default([]).describe('Percentiles that dashboards and alerts read.'),
  emittedBy: z
    .array(z.string())
    .default([])
    .describe("Services that emit it; 'aval' for what Aval measures itself; or the name of an exporter."),
  query: z
    .strictObject({
      sql: z.string().min(1).describe('Returns the value: one row, one number.'),
      every: duration,
      role: z.string().describe('Role of database.roles it is read as; the owner when left out.').optional(),
    })
    .describe('How Aval reads the metric from the database.')
    .optional(),
  ...citation,
})

export const telemetry = z.strictObject({
  metrics: z
    .record(z.string().regex(/^[a-zA-Z_:][\w:]*$/), metric)
    .default({})
    .describe('The allow-list: what is not named here does not leave a process.'),
  labels: z
    .record(labelName, z.array(z.string()).min(1))
    .default({})
    .describe("The values each label may take; any other becomes 'other'."),
  logs: z
    .strictObject({
      fields: z.array(z.string()).default([]),
      rotateAfter: duration.optional(),
      keep: duration.optional(),
      ...citation,
    })
    .optional(),
  traces: z
    .strictObject({
      attributes: z.array(z.string()).default([]),
      correlationHeader: z.string().default('X-Correlation-ID'),
      ...citation,
    })
    .optional(),
  errors: z
    .strictObject({
      fields: z.array(z.string()).default(['code', 'class', 'frames']),
      keep: duration.optional(),
      ...citation,
    })
    .optional(),
  forbidden: z
    .record(name, z.strictObject({ meaning: z.string(), ...citation }))
    .default({})
    .describe('What must never appear in any metric, log, trace or error report.'),
  ...citation,
})

export type Telemetry = z.output<typeof telemetry>
