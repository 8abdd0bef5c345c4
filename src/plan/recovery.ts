import { z } from 'zod'
import { citation, name } from './citation.ts'
import { type Action, actions, faults } from './scenario.ts'
import { duration, ratio } from './units.ts'

const cron = z.string().regex(/^\S+( \S+){4}$/, 'five fields: minute hour day month weekday')

const objective = z.strictObject({
  covers: z
    .enum(['database', 'primary', 'data', 'service', 'deployment', 'zone', 'region', 'everything', 'managed'])
    .default('database')
    .describe(
      "What fails: proofs choose the scenario by it. 'database': the server with all it held. 'primary': the server, while a standby is left. 'data': rows are lost or damaged while the server runs.",
    ),
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
  type: z
    .enum(['full', 'incremental', 'logical', 'wal', 'export', 'replica'])
    .default('full')
    .describe(
      'What it holds: the whole, what changed since, a dump, the log of every change, an export, or a copy that follows.',
    ),
  of: z
    .string()
    .default('database')
    .describe("What is kept: 'database', or something beside it such as 'blobs' or 'secrets'."),
  keep: z.union([z.literal('forever'), duration]).describe("How long it is kept, or 'forever'."),
  store: z.string().default('primary').describe('Where it goes: a name of recovery.stores.'),
  copyTo: z.string().describe('A second store that receives a copy, verified on its own.').optional(),
  label: z
    .boolean()
    .default(false)
    .describe('Kept by name until its time is over, outside the rules for scheduled ones.'),
  ...citation,
})

const variable = z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'the name of an environment variable')

const store = z.strictObject({
  kind: z.enum(['directory', 's3', 'azure-blob', 'git', 'managed']).describe('What holds the objects.'),
  region: z.string().optional().describe('Where it stands.'),
  location: variable
    .describe(
      'Environment variable that says where it is: a directory, or s3://bucket/prefix?region=...&endpoint=.... Where it is not set, development keeps the store in a directory.',
    )
    .optional(),
  credentials: z
    .strictObject({
      accessKeyId: variable.describe('Variable with the name of the access key.'),
      secretAccessKey: variable.describe('Variable with its secret.'),
    })
    .describe('Environment variables of the access key; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY unless told.')
    .optional(),
  tiers: z
    .array(
      z.strictObject({
        after: duration.describe('Age of the object.'),
        to: z.enum(['infrequent', 'archive', 'delete']).describe('Where it goes then.'),
      }),
    )
    .default([])
    .describe('How objects move as they age.'),
  versions: duration.describe('How long an overwritten object stays.').optional(),
  ...citation,
})

const calendar = z
  .union([
    z.strictObject({
      months: z.array(z.int().min(1).max(12)).min(1).describe('Months of the year, 1 to 12.'),
      week: z.int().min(1).max(4).describe('Week of the month, 1 to 4.'),
    }),
    z.strictObject({ schedule: cron.describe('When, as cron; in recovery.timeZone.') }),
  ])
  .describe('When it comes round.')

const drill = z.strictObject({
  calendar,
  focus: z.array(z.string()).min(1).describe('What the drill looks at.'),
  scenario: z.string().describe('Name in recovery.procedures.').optional(),
  environment: z.string().default('scratch').describe('Where it is held.'),
  verifies: z
    .strictObject({ newestWithin: duration.describe('How old the newest backup may be.') })
    .describe('That it reads every byte of every backup, and refuses a newest one that is too old.')
    .optional(),
  ...citation,
})

/** What is done at one step. A plain sentence serves where the document gives neither command nor limit. */
const step = z.union([
  z.string().transform((does): Step => ({ does })),
  z.strictObject({
    does: z.string().describe('What is done, in one sentence.'),
    action: z
      .enum(actions)
      .describe('How a proof carries the step out. A step without one is left to a person, and reports say so.')
      .optional(),
    command: z.string().describe('The command that does it.').optional(),
    expect: z.string().describe('What is seen when the step went well.').optional(),
    within: duration.describe('How long it may take.').optional(),
  }),
])

export interface Step {
  does: string
  action?: Action | undefined
  command?: string | undefined
  expect?: string | undefined
  within?: number | undefined
}

const procedure = z.strictObject({
  fault: z
    .enum(faults)
    .describe(
      'What fails. With it and the actions of its steps a proof carries the procedure out; without it nobody has.',
    )
    .optional(),
  trigger: z.array(z.string()).default([]).describe('What sets it off.'),
  steps: z.array(step).min(1).describe('In this order; a sentence, or with its command and what is seen.'),
  success: z.array(z.string()).default([]).describe('What must be true at the end.'),
  within: duration.describe('How long all of it may take.'),
  loss: duration.describe('What may be lost by it.').optional(),
  runbook: z.string().describe('A name of runbooks.').optional(),
  ...citation,
})

export type Procedure = z.output<typeof procedure>

const kpi = z.strictObject({
  claim: z.string().describe('What is measured, in one sentence.'),
  measure: z
    .enum(['longest-recovery', 'mean-recovery', 'most-data-lost', 'drills-that-succeeded', 'runbooks-as-written'])
    .describe('How it is taken from the evidence of a period; without it nobody can fill it in.')
    .optional(),
  atMost: duration.describe('Its bound, when it is a time.').optional(),
  atLeast: ratio.describe('Its bound, when it is a share.').optional(),
  ...citation,
})

const report = z.strictObject({
  calendar,
  to: z.array(z.string()).min(1).describe('Who reads it: roles, never names.'),
  sections: z.array(z.string()).min(1).describe('What it holds.'),
  ...citation,
})

const checklistItem = z.union([
  z.string().transform((item): ChecklistItem => ({ item })),
  z.strictObject({
    item: z.string().describe('What is ticked off.'),
    provenBy: z
      .string()
      .describe(
        'Beginning of the ids of guarantees: ticked when all of them that were tried in the period are proven.',
      ),
  }),
])

/** Without `provenBy` a person ticks it. */
export interface ChecklistItem {
  item: string
  provenBy?: string | undefined
}

const checklist = z.strictObject({
  when: z.string().describe('When it is gone through.'),
  items: z.array(checklistItem).min(1).describe('What is ticked off.'),
  ...citation,
})

const erasure = z.strictObject({
  claim: z.string().describe('What is gone afterwards, in one sentence.'),
  parameter: z.enum(['uuid', 'bigint', 'text']).describe('What names the subject: the type that $1 is bound as.'),
  sql: z
    .array(z.string())
    .min(1)
    .describe(
      'Statements the owner of the schema runs in one transaction, $1 the subject. They must bear to run again.',
    ),
  asked: z
    .string()
    .describe(
      'A query whose only column lists subjects a service was asked to erase and that are on no record yet, for `aval erase --asked`; the statements take a subject out of it.',
    )
    .optional(),
  ...citation,
})

const subject = z.strictObject({
  table: z.string().describe('The table that holds the subject itself.'),
  column: z.string().describe('Its column that the subject is known by.'),
  claim: z
    .string()
    .describe(
      'Setting that row security reads the claims from, such as request.jwt.claims; it names the subject meanwhile.',
    )
    .optional(),
  onConflict: z
    .union([z.enum(['fail', 'keep-target', 'take-backup']), z.string().regex(/^newer:\w+$/, "'newer:<column>'")])
    .default('fail')
    .describe('What becomes of rows that have other values in the target, unless the command says otherwise.'),
  beforeImport: z
    .array(z.string())
    .default([])
    .describe("SQL the owner runs before the rows come in, in the same transaction; $1 is the subject's value."),
  afterImport: z
    .array(z.string())
    .default([])
    .describe("SQL the owner runs once they are in and compared, in the same transaction; $1 is the subject's value."),
  ...citation,
})

const key = z.strictObject({
  escrow: z
    .strictObject({
      rehearsedEvery: duration
        .default(7_948_800_000)
        .describe('How long a rehearsal is believed; 92 days unless told.'),
      ...citation,
    })
    .describe('That the escrow copy of the key alone brings the newest backup back.')
    .optional(),
})

const synchronous = z.strictObject({
  acknowledge: z
    .enum(['spooled', 'stored'])
    .default('stored')
    .describe(
      "Where a commit must have arrived before it returns: in the store, or on the disk of the receiver ('spooled'), which guards against nothing when the receiver runs on the server's machine.",
    ),
  whenAway: z
    .union([z.literal('wait'), duration])
    .default('wait')
    .describe(
      "What commits do while the receiver is away: 'wait', or return without it after this time, which is said.",
    ),
  ...citation,
})

const standby = z.strictObject({
  synchronous: z
    .boolean()
    .default(false)
    .describe(
      'Commits wait until the standby has them on disk: nothing is lost by a failover, and nothing commits alone.',
    ),
  promoteAfter: duration
    .describe(
      'How long the dead primary is tried to be started before the standby takes over by itself; by hand only, unless told.',
    )
    .optional(),
  maximumLag: duration
    .default(0)
    .describe('Longest stretch of commits that a failover may give up without being forced.'),
  ...citation,
})

export const recovery = z.strictObject({
  timeZone: z.string().default('UTC').describe('IANA zone of every schedule in this section.'),
  engine: z
    .enum(['native', 'logical', 'pgbackrest'])
    .default('native')
    .describe(
      "Who makes backups and brings them back: Aval itself; 'logical' with pg_dump, for servers that give no replication access; 'pgbackrest' for large clusters on this machine. docs/engines.md tells which to choose.",
    ),
  objectives: z.record(name, objective).default({}).describe('What may be lost, and for how long, by what fails.'),
  backups: z.record(name, backup).default({}).describe('What is kept, when it is taken and for how long.'),
  keepByHand: z
    .union([z.literal('forever'), duration])
    .default(7_776_000_000)
    .describe('How long a backup is kept that no rule took and that got no time of its own; 90 days unless told.'),
  erasures: z
    .record(name, erasure)
    .default({})
    .describe('How the data of one subject is erased, for `aval erase`; erased again after every restore.'),
  subjects: z
    .record(name, subject)
    .default({})
    .describe('Whose rows `aval extract` can bring back on their own: a user, a customer.'),
  standby: standby.describe('A second server that follows the first and takes its place.').optional(),
  pointInTime: z
    .strictObject({
      window: duration.describe('How far back any moment can be restored.'),
      granularity: duration.default(1000).describe('How close to the moment asked for.'),
      ...citation,
    })
    .describe('That any moment of the recent past can be restored.')
    .optional(),
  synchronous: synchronous
    .describe(
      'Lets commits wait until their WAL is kept, so that nothing acknowledged is lost; synchronous_commit of a role or a transaction tells which of them do.',
    )
    .optional(),
  stores: z
    .record(name, store)
    .default({ primary: { kind: 'directory', tiers: [], requirements: [] } })
    .describe('The places backups are kept in.'),
  afterRestore: z
    .array(z.string())
    .default([])
    .describe('SQL the owner runs once a restored server accepts writes, before any service starts.'),
  encryption: z
    .enum(['AES-256-GCM', 'none'])
    .default('AES-256-GCM')
    .describe('How objects are encrypted before they reach a store.'),
  key: key.default({}).describe('What is promised of the key that opens the backups.'),
  procedures: z.record(name, procedure).default({}).describe('What people do when something is lost.'),
  drills: z.record(name, drill).default({}).describe('When the procedures are rehearsed.'),
  devices: z
    .strictObject({
      count: z.int().min(1).describe('How many devices, of people with one to ten each.'),
      over: duration.describe('How long they live, in simulated time; in its middle the server is lost and restored.'),
      ...citation,
    })
    .describe(
      'That devices which work offline end in identical states and lose nothing, whatever networks and a restore do.',
    )
    .optional(),
  checklists: z.record(name, checklist).default({}).describe('What a drill ticks off.'),
  kpis: z.record(name, kpi).default({}).describe('Figures over all drills and recoveries.'),
  reports: z.record(name, report).default({}).describe('What is reported of them.'),
  ...citation,
})
