import { z } from 'zod'
import { citation, name } from './citation.ts'
import { duration, ratio } from './units.ts'

const cron = z.string().regex(/^\S+( \S+){4}$/, 'five fields: minute hour day month weekday')

const objective = z.strictObject({
  covers: z
    .enum(['database', 'data', 'service', 'deployment', 'zone', 'region', 'everything', 'managed'])
    .default('database')
    .describe("What fails: proofs choose the scenario by it. 'data': rows are lost or damaged while the server runs."),
  rto: duration.describe('Longest time without service: last answer before the fault to first after.').optional(),
  rpo: duration.describe("Longest stretch of acknowledged writes that may be lost; '0' for none.").optional(),
  ...citation,
})

const backup = z.strictObject({
  schedule: cron.describe('When, as cron; in recovery.timeZone.').optional(),
  on: z
    .enum(['migration', 'deploy', 'continuous'])
    .describe('The event that takes it, or continuous archiving.')
    .optional(),
  type: z.enum(['full', 'incremental', 'logical', 'wal', 'export', 'replica']).default('full'),
  of: z
    .string()
    .default('database')
    .describe("What is kept: 'database', or something beside it such as 'blobs' or 'secrets'."),
  keep: z.union([z.literal('forever'), duration]),
  store: z.string().default('primary'),
  copyTo: z.string().describe('A second store that receives a copy, verified on its own.').optional(),
  label: z
    .boolean()
    .default(false)
    .describe('Kept by name until its time is over, outside the rules for scheduled ones.'),
  ...citation,
})

const store = z.strictObject({
  kind: z.enum(['directory', 's3', 'azure-blob', 'git', 'managed']),
  region: z.string().optional(),
  tiers: z.array(z.strictObject({ after: duration, to: z.enum(['infrequent', 'archive', 'delete']) })).default([]),
  versions: duration.describe('How long an overwritten object stays.').optional(),
  ...citation,
})

const calendar = z.union([
  z.strictObject({ months: z.array(z.int().min(1).max(12)).min(1), week: z.int().min(1).max(4) }),
  z.strictObject({ schedule: cron }),
])

const drill = z.strictObject({
  calendar,
  focus: z.array(z.string()).min(1),
  scenario: z.string().describe('Name in recovery.procedures.').optional(),
  environment: z.string().default('scratch'),
  ...citation,
})

/** What is done at one step. A plain sentence serves where the document gives neither command nor limit. */
const step = z.union([
  z.string().transform((does): Step => ({ does })),
  z.strictObject({
    does: z.string(),
    command: z.string().optional(),
    expect: z.string().describe('What is seen when the step went well.').optional(),
    within: duration.optional(),
  }),
])

interface Step {
  does: string
  command?: string | undefined
  expect?: string | undefined
  within?: number | undefined
}

const procedure = z.strictObject({
  trigger: z.array(z.string()).default([]),
  steps: z.array(step).min(1),
  success: z.array(z.string()).default([]).describe('What must be true at the end.'),
  within: duration,
  loss: duration.optional(),
  runbook: z.string().optional(),
  ...citation,
})

const kpi = z.strictObject({
  claim: z.string(),
  atMost: duration.optional(),
  atLeast: ratio.optional(),
  ...citation,
})

const report = z.strictObject({
  calendar,
  to: z.array(z.string()).min(1).describe('Who reads it: roles, never names.'),
  sections: z.array(z.string()).min(1),
  ...citation,
})

const checklist = z.strictObject({
  when: z.string(),
  items: z.array(z.string()).min(1),
  ...citation,
})

export const recovery = z.strictObject({
  timeZone: z.string().default('UTC').describe('IANA zone of every schedule in this section.'),
  objectives: z.record(name, objective).default({}),
  backups: z.record(name, backup).default({}),
  pointInTime: z
    .strictObject({
      window: duration.describe('How far back any moment can be restored.'),
      granularity: duration.default(1000).describe('How close to the moment asked for.'),
      ...citation,
    })
    .optional(),
  stores: z.record(name, store).default({ primary: { kind: 'directory', tiers: [], requirements: [] } }),
  afterRestore: z
    .array(z.string())
    .default([])
    .describe('SQL the owner runs once a restored server accepts writes, before any service starts.'),
  encryption: z.enum(['AES-256-GCM', 'none']).default('AES-256-GCM'),
  procedures: z.record(name, procedure).default({}),
  drills: z.record(name, drill).default({}),
  checklists: z.record(name, checklist).default({}).describe('What a drill ticks off.'),
  kpis: z.record(name, kpi).default({}),
  reports: z.record(name, report).default({}),
  ...citation,
})

export type Recovery = z.output<typeof recovery>
