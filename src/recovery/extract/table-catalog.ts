import type { Client } from 'pg'
import { z } from 'zod'

export interface TableColumn {
  name: string
  /** As the server writes it, such as `numeric(10,2)`. */
  type: string
  /** Computed by the server from other columns. */
  generated: boolean
  identity: 'always' | 'by default' | undefined
  /** Whether it must be given: not null, without default, identity or expression. */
  required: boolean
}

/** A table; partitions belong to the table they are partitions of. */
export interface Table {
  oid: number
  schema: string
  name: string
  /** Schema and name, quoted: ready to stand in SQL. */
  sql: string
  partitioned: boolean
  columns: readonly TableColumn[]
  /** Columns that tell its rows apart: the primary key, else a unique index over columns that are not null; empty for none. */
  key: readonly string[]
  rowSecurity: boolean
  /** Row security binds its owner as well. */
  forced: boolean
  /** Whether the role that asks may do what an owner may. */
  owned: boolean
  /** Triggers of the application that fire in an ordinary session. */
  triggers: readonly { name: string; event: string; always: boolean }[]
}

export interface ForeignKey {
  name: string
  /** The table that refers, as declared: it may be one partition. */
  child: { sql: string; oid: number; table: number; columns: readonly string[] }
  parent: { sql: string; oid: number; table: number; columns: readonly string[] }
  deferrable: boolean
  deferred: boolean
  /** Compares periods, which equality does not describe. */
  period: boolean
}

export interface TableCatalog {
  /** By oid. */
  tables: ReadonlyMap<number, Table>
  foreignKeys: readonly ForeignKey[]
}

const tableRow = z.object({
  oid: z.number(),
  schema: z.string(),
  name: z.string(),
  sql: z.string(),
  partitioned: z.boolean(),
  columns: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      generated: z.boolean(),
      identity: z
        .enum(['', 'a', 'd'])
        .transform((letter) => (letter === 'a' ? 'always' : letter === 'd' ? 'by default' : undefined)),
      required: z.boolean(),
    }),
  ),
  key: z.array(z.string()),
  rowSecurity: z.boolean(),
  forced: z.boolean(),
  owned: z.boolean(),
  triggers: z.array(z.object({ name: z.string(), event: z.string(), always: z.boolean() })),
})

const end = z.object({ sql: z.string(), oid: z.number(), table: z.number(), columns: z.array(z.string()) })
const foreignKeyRow = z.object({
  name: z.string(),
  child: end,
  parent: end,
  deferrable: z.boolean(),
  deferred: z.boolean(),
  period: z.boolean(),
})

/** Reads every table outside the system schemas, and every foreign key, from a server of version 15 or later. */
export async function readTables(client: Client): Promise<TableCatalog> {
  const tables = await client.query(tablesSql)
  const keys = await client.query(foreignKeysSql)
  return {
    tables: new Map(
      z
        .array(tableRow)
        .parse(tables.rows)
        .map((table) => [table.oid, table]),
    ),
    foreignKeys: z.array(foreignKeyRow).parse(keys.rows),
  }
}

/** What concerns people: no system schema, no other session's temporary tables, nothing of an extension. */
const ours = `
  n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend x WHERE x.classid = 'pg_catalog.pg_class'::regclass
    AND x.objid = c.oid AND x.deptype = 'e')`

const tablesSql = `
SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS name, format('%I.%I', n.nspname, c.relname) AS sql,
  c.relkind = 'p' AS partitioned,
  coalesce((
    SELECT json_agg(json_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'generated', a.attgenerated <> '',
      'identity', a.attidentity, 'required', a.attnotnull AND NOT a.atthasdef AND a.attidentity = '') ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
  coalesce((
    SELECT json_agg(a.attname ORDER BY k.place)
    FROM unnest((
      SELECT (x.indkey::int2[])[0:x.indnkeyatts - 1] FROM pg_catalog.pg_index x
      WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL
        AND NOT EXISTS (
          SELECT FROM unnest((x.indkey::int2[])[0:x.indnkeyatts - 1]) u (attnum)
          JOIN pg_catalog.pg_attribute b ON b.attrelid = c.oid AND b.attnum = u.attnum WHERE NOT b.attnotnull OR b.attgenerated <> '')
      ORDER BY x.indisprimary DESC, x.indnkeyatts, x.indexrelid LIMIT 1
    )) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum), '[]') AS key,
  c.relrowsecurity AS "rowSecurity", c.relforcerowsecurity AS forced,
  pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned,
  coalesce((
    SELECT json_agg(json_build_object('name', t.tgname, 'always', t.tgenabled = 'A',
      'event', concat_ws(' or ', CASE WHEN t.tgtype & 4 > 0 THEN 'insert' END, CASE WHEN t.tgtype & 16 > 0 THEN 'update' END,
        CASE WHEN t.tgtype & 8 > 0 THEN 'delete' END)) ORDER BY t.tgname)
    FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')), '[]')
    AS triggers
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND ${ours}
ORDER BY n.nspname, c.relname`

/** The clones that partitions have of a key of their table are left out: the key itself stands for them. */
const foreignKeysSql = `
SELECT k.conname AS name, k.condeferrable AS deferrable, k.condeferred AS deferred,
  coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false) AS period,
  json_build_object('sql', format('%I.%I', n.nspname, c.relname), 'oid', c.oid::int8,
    'table', coalesce(pg_partition_root(c.oid), c.oid)::oid::int8, 'columns', (
      SELECT json_agg(a.attname ORDER BY u.place) FROM unnest(k.conkey) WITH ORDINALITY AS u (attnum, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum)) AS child,
  json_build_object('sql', format('%I.%I', pn.nspname, p.relname), 'oid', p.oid::int8,
    'table', coalesce(pg_partition_root(p.oid), p.oid)::oid::int8, 'columns', (
      SELECT json_agg(a.attname ORDER BY u.place) FROM unnest(k.confkey) WITH ORDINALITY AS u (attnum, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum)) AS parent
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class p ON p.oid = k.confrelid JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND ${ours}
ORDER BY n.nspname, c.relname, k.conname`
