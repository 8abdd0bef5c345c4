import { z } from 'zod'
import { citation, name } from './citation.ts'
import { rowSecurity } from './row-security.ts'
import { bytes, duration } from './units.ts'

/** Extensions by which nothing that a proof measures depends. */
export const standIns = [
  'pg_cron',
  'pg_net',
  'pg_graphql',
  'pgsodium',
  'supabase_vault',
  'pgaudit',
  'plpgsql_check',
  'hypopg',
  'index_advisor',
  'pg_stat_monitor',
] as const

const invariant = z.strictObject({
  claim: z.string().describe('What is true, in one sentence.'),
  sql: z.string().min(1).describe('A query that returns the rows breaking the claim; no rows means it holds.'),
  ...citation,
})

const role = z.strictObject({
  purpose: z.string().describe('What the role is for.'),
  login: z.boolean().default(true).describe('Whether anybody connects as it.'),
  ...citation,
})

const server = z.union([
  z.enum(['embedded', 'installed']).describe('A server Aval owns: from npm, or from the machine.'),
  z
    .strictObject({
      external: z
        .string()
        .regex(/^[A-Z][A-Z0-9_]*$/)
        .describe('Name of the variable, such as DATABASE_URL.'),
    })
    .describe('Environment variable that holds the URL of a server somebody else owns.'),
])

export const database = z.strictObject({
  version: z
    .string()
    .regex(/^(>=)?\d{2}$/, "a major version such as '16', or a floor such as '>=15'")
    .describe("Major version of Postgres: '16', or a floor: '>=15'."),
  size: bytes.describe('Size of the data in production, declared; drills state what share of it they measured.'),
  servers: z.record(name, server).default({ development: 'embedded' }).describe('The server of each environment.'),
  owner: z
    .string()
    .describe('Role that owns the schema and runs migrations; never a superuser. Default: <system>_owner.')
    .optional(),
  roles: z
    .record(z.string(), role)
    .default({})
    .describe('Roles that services connect as. None may bypass row security.'),
  extensions: z
    .array(z.string())
    .default([])
    .describe('Created by Aval before migrations, since an owner without superuser may not.'),
  optionalExtensions: z
    .array(z.string())
    .default([])
    .describe('Created where the server offers them; migrations must do without.'),
  standIns: z
    .array(z.enum(standIns))
    .default([])
    .describe(
      'Extensions that a server of Postgres 18 gets an empty likeness of where it does not offer them: what migrations name is there, and does nothing.',
    ),
  platform: z
    .enum(['supabase'])
    .describe(
      "What the migrations expect to find: Supabase's roles, `auth`, `storage` and privileges, made where they are missing.",
    )
    .optional(),
  migrations: z
    .strictObject({
      layout: z
        .enum(['supabase', 'prisma', 'drizzle', 'sql'])
        .describe("Whose conventions the files follow; 'sql': plain files, by number and name."),
      directory: z.string().describe('Where they are, relative to the plan.'),
      longestBlock: duration
        .default(5_000)
        .describe('How long a migration may keep whoever uses a table waiting; 5 seconds unless told.'),
      withoutData: z
        .record(z.string(), z.string().min(20))
        .default({})
        .describe('Files, by their id, that ran before the tables they change held anything, each with the reason.'),
      leftOut: z
        .record(z.string(), z.string().min(20))
        .default({})
        .describe('Files of the directory that nobody applies, by their id, each with the reason.'),
      ...citation,
    })
    .describe('The migrations that make the schema, applied in order by its owner.'),
  companions: z
    .record(name, z.strictObject({ of: z.string().describe('The service that fills it by itself.'), ...citation }))
    .default({})
    .describe('Further databases of the same server, made empty; backups of the server hold them as well.'),
  seed: z.string().describe('SQL file with the data of a new development database.').optional(),
  settings: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe('postgresql.conf of servers Aval owns.'),
  pooling: z
    .strictObject({
      mode: z.enum(['transaction', 'session']).describe('When a connection goes back to the pool.'),
      size: z.int().positive().describe('Connections to the server.'),
      timeout: duration.describe('How long a client waits for one.'),
      ...citation,
    })
    .describe('The connection pool in front of the server.')
    .optional(),
  tls: z
    .strictObject({ minimum: z.enum(['1.2', '1.3']).describe('The oldest version accepted.'), ...citation })
    .describe('How connections to the server are encrypted.')
    .optional(),
  rowSecurity: rowSecurity.describe('That nobody sees rows of another.').optional(),
  invariants: z.record(name, invariant).default({}).describe('What is true of the data at any time.'),
  ...citation,
})

export type Database = z.output<typeof database>
