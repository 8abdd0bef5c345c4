import { type Client, escapeIdentifier, escapeLiteral } from 'pg'
import { z } from 'zod'
import type { Actor } from './attempt.ts'
import type { Catalog, Table } from './catalog.ts'
import type { Hole } from './hole.ts'
import type { MadeRow, Rows } from './make-rows.ts'
import { keyOf, type Ownership } from './ownership.ts'

/** Everything an attack needs: the database with rows of two tenants in it, inside a transaction that never commits. */
export interface World {
  client: Client
  catalog: Catalog
  ownership: ReadonlyMap<number, Ownership>
  /** Tables that hold rows of tenants and are attacked: those of the plan without its exceptions. */
  tables: readonly Table[]
  /** The tenant for whom every actor speaks, and the rows it owns. */
  own: { tenant: string; rows: Rows }
  /** The tenant whose rows nobody else may get at. */
  other: { tenant: string; rows: Rows }
  actors: readonly Actor[]
  rights: ReadonlyMap<string, Rights>
  /** Called for every hole that shows. */
  found(hole: Hole): void
  /** Called for what something else than row security refused, such as a trigger: role, way, table and SQLSTATE. */
  undecided(what: string): void
  /** Called for every statement that was tried. */
  tried(): void
}

/** Columns that a role may use, by oid of the relation. */
export interface Rights {
  read: ReadonlyMap<number, readonly string[]>
  insert: ReadonlyMap<number, readonly string[]>
  update: ReadonlyMap<number, readonly string[]>
}

const grants = z.array(z.object({ oid: z.number(), right: z.string(), columns: z.array(z.string()) }))

export async function rightsOf(client: Client, role: string): Promise<Rights> {
  const { rows } = await client.query(
    `SELECT c.oid::int4 AS oid, r.name AS right, array_agg(a.attname::text ORDER BY a.attnum) AS columns
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE')) r(name)
     WHERE c.relkind IN ('r', 'p', 'v', 'm') AND has_schema_privilege($1, c.relnamespace, 'USAGE')
       AND has_column_privilege($1, c.oid, a.attnum, r.name)
     GROUP BY c.oid, r.name`,
    [role],
  )
  const found = grants.parse(rows)
  const of = (right: string) =>
    new Map(found.filter((each) => each.right === right).map(({ oid, columns }) => [oid, columns]))
  return { read: of('SELECT'), insert: of('INSERT'), update: of('UPDATE') }
}

/** A condition that holds for the rows of a tenant in a table, and one that a person reads. */
export function rowsOf(
  table: Table,
  ownership: Ownership | undefined,
  tenant: string,
  row: MadeRow | undefined,
): string {
  const columns = ownership?.columns ?? []
  if (columns.length > 0)
    return `(${columns.map((column) => `${escapeIdentifier(column)}::text = ${escapeLiteral(tenant)}`).join(' OR ')})`
  if (row === undefined) return 'false'
  const names = keyOf(table) ?? [...row.values.keys()]
  return names.map((column) => equals(column, row.values.get(column) ?? null)).join(' AND ')
}

function equals(column: string, value: string | null): string {
  return `${escapeIdentifier(column)}::text IS NOT DISTINCT FROM ${value === null ? 'NULL' : escapeLiteral(value)}`
}

/** Takes the rows of a tenant away, as SQL. */
export function removal(catalog: Catalog, rows: Rows): string {
  const tables = new Map(catalog.tables.map((table) => [table.oid, table]))
  const each = new Map([...rows.values()].map((row) => [`${row.partition} ${row.ctid}`, row]))
  const deletes = [...each.values()].map(
    ({ partition, ctid }) => `DELETE FROM ONLY ${tables.get(partition)?.sql} WHERE ctid = '${ctid}'`,
  )
  return deletes.length === 0 ? 'SELECT' : deletes.join('; ')
}

/** A query, for the superuser, whose answer changes when any row of the other tenant in these tables is touched or added. */
export function trace({ ownership, other }: World, tables: readonly Table[]): string {
  const parts = tables
    .filter(({ partitionOf }) => partitionOf === null)
    .map(
      (table) =>
        `SELECT '${table.oid} ' || tableoid::int8 || ' ' || ctid::text || ' ' || xmin::text AS seen FROM ${table.sql}
         WHERE ${rowsOf(table, ownership.get(table.oid), other.tenant, other.rows.get(table.oid))}`,
    )
  if (parts.length === 0) return "SELECT '' AS seen"
  return `SELECT coalesce(string_agg(seen, ',' ORDER BY seen), '') AS seen FROM (${parts.join(' UNION ALL ')}) t`
}
