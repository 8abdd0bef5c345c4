import { type Client, DatabaseError, escapeIdentifier } from 'pg'
import { z } from 'zod'
import { failure } from '../../errors.ts'

/** What a table held under one snapshot. */
export const tableSumSchema = z.strictObject({
  schema: z.string(),
  table: z.string(),
  rows: z.number(),
  /** Sum over all rows of the first 64 bits of their SHA-256, decimal: the same for the same rows in any order. */
  sum: z.string().regex(/^-?\d+$/),
})

export type TableSum = z.infer<typeof tableSumSchema>

/** Text of a value must not depend on who asks. `row_security` off: rows that are hidden are an error, never left out. */
const fixedSettings = [
  `SET TimeZone = 'UTC'`,
  `SET DateStyle = 'ISO, MDY'`,
  `SET IntervalStyle = 'postgres'`,
  `SET extra_float_digits = 1`,
  `SET bytea_output = 'hex'`,
  `SET lc_monetary = 'C'`,
  `SET search_path = ''`,
  `SET row_security = off`,
]

const tableRows = z.array(z.object({ schema: z.string(), table: z.string(), columns: z.array(z.string()) }))
const sumRow = z.object({ rows: z.coerce.number(), sum: z.string() })

/**
 * Counts and sums every table of the database of a client, in its transaction if it is in one. Tables of extensions, temporary
 * and foreign ones are left out, since a dump does not hold their rows; large objects count as a table of their own.
 * @throws DUMP_UNREADABLE for rows that are hidden from the client's role.
 */
export async function sumTables(client: Client, signal?: AbortSignal): Promise<TableSum[]> {
  for (const setting of fixedSettings) await client.query(setting)
  const { rows } = await client.query(
    // By name: the order of inherited columns may be another after a restore.
    `SELECT n.nspname AS schema, c.relname AS table,
            coalesce((SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_catalog.pg_attribute a
                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '{}') AS columns
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND c.relpersistence <> 't'
        AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                         WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      ORDER BY n.nspname, c.relname`,
  )
  const sums: TableSum[] = []
  for (const { schema, table, columns } of tableRows.parse(rows)) {
    signal?.throwIfAborted()
    const row = `ROW(${columns.map(escapeIdentifier).join(', ')})::text`
    const from = `ONLY ${escapeIdentifier(schema)}.${escapeIdentifier(table)}`
    sums.push({ schema, table, ...(await sum(client, `convert_to(${row}, getdatabaseencoding())`, from)) })
  }
  const objects = await sum(
    client,
    `convert_to(oid::text, 'UTF8') || lo_get(oid)`,
    'pg_catalog.pg_largeobject_metadata',
  )
  return [...sums, { schema: 'pg_catalog', table: 'pg_largeobject', ...objects }]
}

async function sum(client: Client, bytes: string, from: string): Promise<{ rows: number; sum: string }> {
  const digest = `encode(substring(sha256(${bytes}) FROM 1 FOR 8), 'hex')`
  const text = `SELECT count(*)::text AS rows,
      coalesce(sum(('x' || ${digest})::bit(64)::bigint::numeric), 0)::text AS sum FROM ${from}`
  const { rows } = await client.query(text).catch((error: unknown) => {
    const denied = error instanceof DatabaseError && error.code === '42501'
    throw denied ? failure('DUMP_UNREADABLE', { table: from.replace('ONLY ', ''), reason: error.message }) : error
  })
  return sumRow.parse(rows[0])
}

/** The tables whose rows are not those that were recorded, each in words; empty when all are. */
export function compareSums(recorded: readonly TableSum[], found: readonly TableSum[]): string[] {
  const there = new Map(found.map((each) => [nameOf(each), each]))
  return recorded.flatMap((wanted) => {
    const name = nameOf(wanted)
    const now = there.get(name)
    if (!now) return wanted.rows === 0 && wanted.schema === 'pg_catalog' ? [] : [`${name} is missing`]
    if (now.rows !== wanted.rows) return [`${name} has ${now.rows} rows instead of ${wanted.rows}`]
    return now.sum === wanted.sum ? [] : [`${name} has other rows than were dumped`]
  })
}

const nameOf = ({ schema, table }: TableSum) => `${schema}.${table}`
