import { type Client, escapeIdentifier, escapeLiteral } from 'pg'
import { z } from 'zod'
import type { Actor, Setting } from './attempt.ts'
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
  /** The settings by which a role speaks for a tenant. */
  speaking(tenant: string, role: string): readonly Setting[]
  /** Owner of the schema. */
  owner: string
  /** Called for every hole that shows. */
  found(hole: Hole): void
  /** Called for what something else than row security refused, such as a trigger: role, way, table and SQLSTATE. */
  undecided(what: string): void
  /** Called for every statement that was tried. */
  tried(): void
}

/** What a role may do, by oid of the relation: the columns it may use, and what is granted on the whole. */
export interface Rights {
  read: ReadonlyMap<number, readonly string[]>
  insert: ReadonlyMap<number, readonly string[]>
  update: ReadonlyMap<number, readonly string[]>
  refer: ReadonlyMap<number, readonly string[]>
  remove: ReadonlySet<number>
  truncate: ReadonlySet<number>
  trigger: ReadonlySet<number>
  /** A schema in which it may make functions and tables, as SQL: a lasting one first, else the temporary one; null for none. */
  makesIn: string | null
  /** Whether that schema lasts. */
  lasting: boolean
}

const granted = z.object({
  columns: z.array(z.object({ oid: z.number(), right: z.string(), columns: z.array(z.string()) })),
  relations: z.array(z.object({ oid: z.number(), right: z.string() })),
  temporary: z.boolean(),
  schemas: z.array(z.string()),
})

const rightsQuery = `SELECT json_build_object(
  'columns', (SELECT coalesce(json_agg(g), '[]') FROM (
    SELECT c.oid::int8 AS oid, r.name AS right, json_agg(a.attname ORDER BY a.attnum) AS columns
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('REFERENCES')) r(name)
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND has_schema_privilege($1, c.relnamespace, 'USAGE')
      AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND has_column_privilege($1, c.oid, a.attnum, r.name)
    GROUP BY c.oid, r.name) g),
  'relations', (SELECT coalesce(json_agg(g), '[]') FROM (
    SELECT c.oid::int8 AS oid, r.name AS right FROM pg_class c CROSS JOIN (VALUES ('DELETE'), ('TRUNCATE'), ('TRIGGER')) r(name)
    WHERE c.relkind IN ('r', 'p', 'v') AND has_schema_privilege($1, c.relnamespace, 'USAGE')
      AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND has_table_privilege($1, c.oid, r.name)) g),
  'temporary', has_database_privilege($1, current_database(), 'TEMPORARY'),
  'schemas', (SELECT coalesce(json_agg(quote_ident(n.nspname) ORDER BY n.nspname), '[]') FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND has_schema_privilege($1, n.oid, 'USAGE')
      AND has_schema_privilege($1, n.oid, 'CREATE'))) AS granted`

export async function rightsOf(client: Client, role: string): Promise<Rights> {
  const told = await client.query<{ granted: unknown }>(rightsQuery, [role])
  const { columns, relations, temporary, schemas } = granted.parse(told.rows[0]?.granted)
  const columnsWith = (right: string) =>
    new Map(columns.filter((each) => each.right === right).map((each) => [each.oid, each.columns]))
  const relationsWith = (right: string) =>
    new Set(relations.filter((each) => each.right === right).map(({ oid }) => oid))
  const [lasting] = schemas
  return {
    read: columnsWith('SELECT'),
    insert: columnsWith('INSERT'),
    update: columnsWith('UPDATE'),
    refer: columnsWith('REFERENCES'),
    remove: relationsWith('DELETE'),
    truncate: relationsWith('TRUNCATE'),
    trigger: relationsWith('TRIGGER'),
    makesIn: lasting ?? (temporary ? 'pg_temp' : null),
    lasting: lasting !== undefined,
  }
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
  const deletes = [...rows].flatMap(([oid, { partition, ctid }]) => {
    const table = tables.get(oid)
    return table === undefined || table.partitionOf !== null
      ? []
      : [`DELETE FROM ${table.sql} WHERE tableoid = ${partition} AND ctid = '${ctid}'`]
  })
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
