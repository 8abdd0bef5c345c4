import type { Client } from 'pg'
import { z } from 'zod'

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
  /** The table it is a partition of. */
  partitionOf: z.number().nullable(),
  /** Bounds of its partitions, as the server writes them. */
  bounds: z.array(z.string()),
  rowSecurity: z.boolean(),
  forced: z.boolean(),
  columns: z.array(column),
  /** Primary key first. */
  uniques: z.array(z.object({ name: z.string(), primary: z.boolean(), columns: z.array(z.string()) })),
  checks: z.array(z.object({ name: z.string(), columns: z.array(z.string()), definition: z.string() })),
  foreignKeys: z.array(
    z.object({
      name: z.string(),
      columns: z.array(z.string()),
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
  /** Holds what it showed when it was last refreshed. */
  materialized: z.boolean(),
})

const routine = z.object({
  oid: z.number(),
  sql: z.string(),
  name: z.string(),
  signature: z.string(),
  owner: z.string(),
  definer: z.boolean(),
  procedure: z.boolean(),
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
})

const role = z.object({
  name: z.string(),
  superuser: z.boolean(),
  bypasses: z.boolean(),
  /** Roles it may become with SET ROLE. */
  becomes: z.array(z.string()),
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

export type Catalog = z.infer<typeof catalogSchema>

/** Everything of a database that row security has to do with; what extensions, Postgres and migration tools brought is left out. */
export async function readCatalog(client: Client): Promise<Catalog> {
  const { rows } = await client.query<{ catalog: unknown }>(catalogQuery)
  return catalogSchema.parse(rows[0]?.catalog)
}

/** Objects of the application: of no extension, and not the books that migrations keep of themselves. */
const own = (alias: string, kind: string, catalog: string) => `
  n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'drizzle', 'supabase_migrations', 'aval')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalog}'::regclass AND d.objid = ${alias}.oid AND d.deptype = 'e')
  AND ${alias}.${kind}name NOT IN ('_prisma_migrations', '__drizzle_migrations')`

const namesOf = (relation: string, numbers: string) => `(
  SELECT coalesce(json_agg(a.attname ORDER BY k.place), '[]') FROM unnest(${numbers}) WITH ORDINALITY k(number, place)
  JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.number)`

const named = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`

const baseType = (oid: string) => `(
  WITH RECURSIVE t AS (
    SELECT typname, typtype, typbasetype FROM pg_type WHERE oid = ${oid}
    UNION ALL SELECT b.typname, b.typtype, b.typbasetype FROM t JOIN pg_type b ON b.oid = t.typbasetype WHERE t.typtype = 'd')
  SELECT typname FROM t WHERE typtype <> 'd')`

const labelsOf = (oid: string) => `(
  WITH RECURSIVE t AS (
    SELECT oid, typtype, typbasetype FROM pg_type WHERE oid = ${oid}
    UNION ALL SELECT b.oid, b.typtype, b.typbasetype FROM t JOIN pg_type b ON b.oid = t.typbasetype WHERE t.typtype = 'd')
  SELECT coalesce(json_agg(e.enumlabel ORDER BY e.enumsortorder), '[]') FROM t JOIN pg_enum e ON e.enumtypid = t.oid)`

const constraints = (kind: string, more: string) => `(
  SELECT coalesce(json_agg(json_build_object('name', o.conname, 'columns', ${namesOf('c.oid', 'o.conkey')}, ${more}) ORDER BY o.conname), '[]')
  FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype = '${kind}')`

const columnsOf = `(
  SELECT coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
    'base', ${baseType('a.atttypid')}, 'labels', ${labelsOf('a.atttypid')}, 'notNull', a.attnotnull,
    'hasDefault', a.atthasdef OR a.attidentity <> '', 'computed', a.attgenerated <> '' OR a.attidentity = 'a') ORDER BY a.attnum), '[]')
  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`

const tables = `
  SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, ${named} AS sql, pg_get_userbyid(c.relowner) AS owner,
    c.relkind = 'p' AS partitioned,
    (SELECT i.inhparent::int8 FROM pg_inherits i WHERE i.inhrelid = c.oid AND c.relispartition) AS "partitionOf",
    (SELECT coalesce(json_agg(pg_get_expr(p.relpartbound, p.oid)), '[]') FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
      WHERE i.inhparent = c.oid AND p.relispartition) AS bounds,
    c.relrowsecurity AS "rowSecurity", c.relforcerowsecurity AS forced, ${columnsOf} AS columns,
    (SELECT coalesce(json_agg(json_build_object('name', x.relname, 'primary', i.indisprimary,
      'columns', ${namesOf('c.oid', 'i.indkey::int2[]')}) ORDER BY i.indisprimary DESC), '[]')
      FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisunique) AS uniques,
    ${constraints('c', `'definition', pg_get_constraintdef(o.oid)`)} AS checks,
    ${constraints('f', `'parent', o.confrelid::int8, 'parentColumns', ${namesOf('o.confrelid', 'o.confkey')}`)} AS "foreignKeys"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND ${own('c', 'rel', 'pg_class')} ORDER BY n.nspname, c.relname`

const views = `
  SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, ${named} AS sql, c.relkind = 'm' AS materialized,
    (SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('v', 'm') AND ${own('c', 'rel', 'pg_class')} ORDER BY n.nspname, c.relname`

const routines = `
  SELECT p.oid::int8 AS oid, p.proname AS name, quote_ident(n.nspname) || '.' || quote_ident(p.proname) AS sql, p.oid::regprocedure::text AS signature,
    pg_get_userbyid(p.proowner) AS owner, p.prosecdef AS definer, p.prokind = 'p' AS procedure,
    p.prosqlbody IS NULL AND NOT coalesce((SELECT bool_or(s LIKE 'search_path=%') FROM unnest(p.proconfig) s), false) AS floats,
    (SELECT coalesce(json_agg(json_build_object('name', coalesce(p.proargnames[k.place], ''), 'type', format_type(k.type, NULL),
      'base', ${baseType('k.type')}) ORDER BY k.place), '[]') FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY k(type, place)) AS parameters
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.prokind IN ('f', 'p') AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
    AND ${own('p', 'pro', 'pg_proc')} ORDER BY signature`

const sequences = `
  SELECT c.oid::int8 AS oid, c.relname AS name, ${named} AS sql,
    (SELECT d.refobjid::int8 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
      AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') LIMIT 1) AS "table"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'S' AND ${own('c', 'rel', 'pg_class')} ORDER BY c.relname`

const policies = `
  SELECT p.polname AS name, p.polrelid::int8 AS "table", concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid),
    (SELECT string_agg(pg_get_functiondef(f.oid), ' ') FROM pg_depend d JOIN pg_proc f ON f.oid = d.refobjid
      WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass AND f.prokind = 'f')) AS text
  FROM pg_policy p ORDER BY p.polrelid, p.polname`

const roles = `
  SELECT r.rolname AS name, r.rolsuper AS superuser, r.rolbypassrls AS bypasses,
    (SELECT coalesce(json_agg(o.rolname ORDER BY o.rolname), '[]') FROM pg_roles o
      WHERE o.oid <> r.oid AND NOT r.rolsuper AND o.rolname !~ '^pg_' AND pg_has_role(r.oid, o.oid, 'MEMBER')) AS becomes
  FROM pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY r.rolname`

const catalogQuery = `SELECT json_build_object(${Object.entries({ tables, views, routines, sequences, policies, roles })
  .map(([name, query]) => `'${name}', (SELECT coalesce(json_agg(q), '[]') FROM (${query}) q)`)
  .join(', ')}) AS catalog`
