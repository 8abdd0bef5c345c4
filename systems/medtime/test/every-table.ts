import { createHash, randomUUID } from 'node:crypto'
import type { Client } from 'pg'

interface Column {
  table: string
  name: string
  type: string
}

interface ForeignKey {
  table: string
  columns: string[]
  parent: string
  parentColumns: string[]
}

const users = ['user_id', 'supervised_user_id']
const other = ['supervisor_id']

/** Tables that hold rows of users, by a column of their own or by a key of such a table; parents first. */
export interface UserTables {
  names: string[]
  /** Those of them whose rows name no user themselves. */
  unnamed: string[]
  columns: ReadonlyMap<string, Column[]>
  foreignKeys: ForeignKey[]
}

/** Read from the catalog, so that a table made tomorrow is among them. */
export async function userTables(client: Client): Promise<UserTables> {
  const { rows } = await client.query<Column>(
    `SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, NULL) AS type
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attgenerated = '' AND a.attidentity = '' ORDER BY c.relname, a.attnum`,
  )
  const columns = Map.groupBy(rows, ({ table }) => table)
  const { rows: foreignKeys } = await client.query<ForeignKey>(
    `SELECT c.conrelid::regclass::text AS table, c.confrelid::regclass::text AS parent,
       (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k (num, n)
          JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num) AS columns,
       (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(c.confkey) WITH ORDINALITY k (num, n)
          JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num) AS "parentColumns"
     FROM pg_constraint c WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace`,
  )
  const ofUsers = new Set(
    [...columns].flatMap(([table, all]) =>
      all.some(({ name }) => [...users, ...other].includes(name)) ? [table] : [],
    ),
  )
  for (let grown = -1; grown !== ofUsers.size; ) {
    grown = ofUsers.size
    for (const { table, parent } of foreignKeys) if (ofUsers.has(parent)) ofUsers.add(table)
  }
  const names: string[] = []
  while (names.length < ofUsers.size) {
    const next = [...ofUsers].filter(
      (table) =>
        !names.includes(table) &&
        foreignKeys.every(
          (key) =>
            key.table !== table || key.parent === table || !ofUsers.has(key.parent) || names.includes(key.parent),
        ),
    )
    if (next.length === 0) throw new Error('foreign keys go round')
    names.push(...next)
  }
  const unnamed = names.filter(
    (table) => !(columns.get(table) ?? []).some(({ name }) => [...users, ...other].includes(name)),
  )
  return { names, unnamed, columns, foreignKeys }
}

/**
 * Puts one row of a user into every such table, every column filled. What the columns must hold is nobody's concern here: checks
 * are dropped, and triggers do not fire.
 */
export async function fillEveryTable(client: Client, tables: UserTables, user: string): Promise<void> {
  const { rows: checks } = await client.query<{ statement: string }>(
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS statement
     FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND conrelid <> 0`,
  )
  for (const { statement } of checks) await client.query(statement)
  await client.query(`SET session_replication_role = 'replica'`)
  const made = new Map<string, Record<string, unknown>>()
  for (const table of tables.names) {
    const row: Record<string, unknown> = {}
    for (const column of tables.columns.get(table) ?? []) {
      row[column.name] = users.includes(column.name) ? user : someValue(column)
    }
    for (const key of tables.foreignKeys.filter((each) => each.table === table)) {
      for (const [index, name] of key.columns.entries()) {
        const parent = made.get(key.parent)
        if (parent !== undefined) row[name] = parent[key.parentColumns[index] ?? '']
      }
    }
    made.set(table, row)
    const names = Object.keys(row)
    await client.query(
      `INSERT INTO ${table} (${names.map((name) => `"${name}"`).join(', ')}) VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')}) ON CONFLICT DO NOTHING`,
      Object.values(row),
    )
  }
  await client.query('RESET session_replication_role')
}

let made = 0
function someValue({ type }: Column): unknown {
  made++
  if (type.endsWith('[]')) return '{}'
  if (type === 'uuid') return randomUUID()
  if (type === 'bytea') return createHash('sha256').update(String(made)).digest()
  if (type === 'boolean') return false
  if (/^(smallint|integer|bigint|numeric|real|double)/.test(type)) return (made % 30_000) + 1
  if (/^(timestamp|date|time)/.test(type)) return '2026-01-02T03:04:05Z'
  if (/^json/.test(type)) return '{}'
  if (type === 'inet' || type === 'cidr') return '192.0.2.1'
  if (type === 'interval') return '1 day'
  return `t${made}`
}
