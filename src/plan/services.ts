import { z } from 'zod'
import { citation, name } from './citation.ts'
import { duration, ratio } from './units.ts'

const promise = z.strictObject({
  claim: z.string().describe('One sentence a user of the system would sign.'),
  ...citation,
})

const performance = z.strictObject({
  operation: z.string().describe('The operation of the exercise that is measured.'),
  p50: duration.optional().describe('Half of the answers are faster.'),
  p95: duration.optional().describe('95 of 100 answers are faster.'),
  p99: duration.optional().describe('99 of 100 answers are faster.'),
  throughput: z.number().positive().describe('Operations a second that one instance must hold.').optional(),
  ...citation,
})

const openapi = z
  .strictObject({
    path: z.string().startsWith('/').describe('Path that answers with the OpenAPI document, version 3.'),
    ...citation,
  })
  .describe('What the service says it answers. Requests of every kind are tried against it.')

const common = {
  only: z.enum(['development']).describe('Left out of every other environment.').optional(),
  port: z.int().min(1).max(65535).describe('Preferred port; a free one is taken when it is in use.').optional(),
  ready: z.string().startsWith('/').describe('Path that answers 200 once the service can serve.').optional(),
  live: z.string().startsWith('/').describe('Path that answers 200 while the process is sound.').optional(),
  metrics: z
    .string()
    .startsWith('/')
    .describe('Path that answers with its metrics, in the text format of Prometheus.')
    .optional(),
  needs: z.array(z.string()).default([]).describe("What must be ready first: 'database' or names of services."),
  environment: z
    .record(z.string(), z.string())
    .default({})
    .describe('Environment variables beyond those that Aval sets.'),
  databaseRole: z.string().describe('Role of database.roles the service connects as.').optional(),
  replicas: z
    .strictObject({
      min: z.int().min(0).describe('Instances at rest.'),
      max: z.int().min(1).describe('Instances under the highest load.'),
    })
    .optional()
    .describe('How many instances run: at least and at most.'),
  availability: ratio.describe('Share of time the service answers.').optional(),
  promises: z
    .record(name, promise)
    .default({})
    .describe('Behaviours that the cases of the exercise prove over the wire.'),
  performance: z.record(name, performance).default({}).describe('How fast named operations are answered.'),
  openapi: openapi.optional(),
  ...citation,
}

/** Aval starts it. */
const started = z.strictObject({
  command: z.array(z.string()).min(1).describe('Program and arguments, run in the folder of the system.'),
  ...common,
})
/** A container image that another tool runs. */
const container = z.strictObject({
  image: z.string().min(1).describe('The container image, with its tag.'),
  profile: z.string().describe('Started only when this profile is asked for.').optional(),
  ...common,
})
/** Somebody else runs it; the plan says who. */
const managed = z.strictObject({
  provider: z.string().min(1).describe('Who runs it.'),
  ...common,
})

export const services = z
  .record(name, z.union([started, container, managed]))
  .default({})
  .describe('The processes of the system: started by Aval (`command`), run from an `image`, or run by a `provider`.')

export type Service = z.output<typeof services>[string]
export type StartedService = z.output<typeof started>
