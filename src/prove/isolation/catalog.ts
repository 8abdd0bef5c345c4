import type { Client } from 'pg'
import { z } from 'zod'
import { catalogQuery } from './catalog-query.ts'

const column = z.object({
  name: z.string(),
  /** As the server writes it, such as `character varying(64)`. */
  type: z.string(),
  /** Name of the type below domains, such as `varchar`; of an array with a leading underscore. */
  base: z.string(),
  labels: z.array(z.string()),
  notNull: z.boolean(),
  hasDefault: z.boolean(),
  /** Given by the server alone: an expression, or an identity that is always generated. */
  computed: z.boolean(),
})

const table = z.object({
  oid: z.number(),
  schema: z.string(),
  name: z.string(),
  /** Schema and name, quoted: ready to stand in SQL. */
  sql: z.string(),
  owner: z.string(),
  partitioned: z.boolean(),
  /** What is written to it leaves no trace in the write-ahead log. */
  unlogged: z.boolean(),
  /** The table it is a partition of. */
  partitionOf: z.number().nullable(),
  /** Bounds of its partitions, as the server writes them. */
  bounds: z.array(z.string()),
  rowSecurity: z.boolean(),
  forced: z.boolean(),
  columns: z.array(column),
  /** Unique indexes, the primary key first. */
  uniques: z.array(
    z.object({
      name: z.string(),
      primary: z.boolean(),
      /** Over columns alone and all rows: neither expressions nor a condition. */
      plain: z.boolean(),
      columns: z.array(z.string()),
    }),
  ),
  /** Constraints that keep out a row that overlaps another. */
  exclusions: z.array(z.object({ name: z.string(), columns: z.array(z.string()) })),
  checks: z.array(z.object({ name: z.string(), columns: z.array(z.string()), definition: z.string() })),
  foreignKeys: z.array(
    z.object({
      name: z.string(),
      columns: z.array(z.string()),
      /** Whether rows of the parent take these with them when they go. */
      follows: z.boolean(),
      parent: z.number(),
      parentColumns: z.array(z.string()),
    }),
  ),
})

const view = z.object({
  oid: z.number(),
  sql: z.string(),
  name: z.string(),
  schema: z.string(),
  columns: z.array(z.string()),
  owner: z.string(),
  /** Holds what it showed when it was last refreshed. */
  materialized: z.boolean(),
  /** Asks its tables as whoever asks it. */
  invoker: z.boolean(),
  /** Tables it is made of. */
  of: z.array(z.number()),
})

const routine = z.object({
  oid: z.number(),
  sql: z.string(),
  name: z.string(),
  signature: z.string(),
  owner: z.string(),
  definer: z.boolean(),
  procedure: z.boolean(),
  /** Said to tell nothing of its arguments, so that it may run before row security. */
  leakproof: z.boolean(),
  /** Said to give the same answer always, so that a kept plan holds an earlier one. */
  immutable: z.boolean(),
  /** Takes its last argument as a list. */
  variadic: z.boolean(),
  /** Gives back a cursor that it opened. */
  cursor: z.boolean(),
  /** Language and source. */
  language: z.string(),
  source: z.string(),
  /** Whether names in its body are looked up when it runs, by whatever search_path the caller has. */
  floats: z.boolean(),
  parameters: z.array(z.object({ name: z.string(), type: z.string(), base: z.string() })),
})

const sequence = z.object({ oid: z.number(), sql: z.string(), name: z.string(), table: z.number().nullable() })

const policy = z.object({
  name: z.string(),
  table: z.number(),
  /** Both expressions, and the source of the functions they call. */
  text: z.string(),
  /** The functions they call. */
  calls: z.array(z.number()),
})

const role = z.object({
  name: z.string(),
  superuser: z.boolean(),
  bypasses: z.boolean(),
  /** May stream the whole cluster. */
  replicates: z.boolean(),
  /** Roles of the server that read and write its files or run programs, and that it is a member of. */
  reaches: z.array(z.string()),
  /** Roles it may become with SET ROLE. */
  becomes: z.array(z.string()),
  /** Roles it may give to itself and then become. */
  grants: z.array(z.string()),
})

const catalogSchema = z.object({
  tables: z.array(table),
  views: z.array(view),
  routines: z.array(routine),
  sequences: z.array(sequence),
  policies: z.array(policy),
  roles: z.array(role),
})

export type Column = z.infer<typeof column>
export type Table = z.infer<typeof table>
export type Routine = z.infer<typeof routine>

export type Catalog = z.infer<typeof catalogSchema>

/** Everything of a database that row security has to do with; what extensions, Postgres and migration tools brought is left out. */
export async function readCatalog(client: Client): Promise<Catalog> {
  const told = await client.query<{ major: number }>(
    `SELECT current_setting('server_version_num')::int / 10000 AS major`,
  )
  const { rows } = await client.query<{ catalog: unknown }>(catalogQuery(told.rows[0]?.major ?? 15))
  return catalogSchema.parse(rows[0]?.catalog)
}
