import { type Client, escapeIdentifier, escapeLiteral } from 'pg'
import { z } from 'zod'
import { failure } from '../../errors.ts'
import type { ForeignKey, Table, TableCatalog } from './table-catalog.ts'

/** Whose rows: one person, one customer. */
export interface Subject {
  /** The table that holds the subject itself; `public` unless a schema is named. */
  table: string
  /** Its column that the subject is known by. */
  column: string
  /** As text. Never shown. */
  value: string
  /** Column by which tables without a foreign key say whose a row is. */
  tenant?: string
}

export type Selection = { kind: 'subject'; subject: Subject } | { kind: 'table'; table: string }

export interface Counts {
  own: number
  shared: number
  others: number
}

/** Where the keys of a table's chosen rows are kept, in the temporary schema of the session. */
export function keyTable(table: Table): string {
  return `pg_temp.aval_rows_${table.oid}`
}

/**
 * Finds the rows of a selection, and leaves their places in the key tables of the session, which is then in one snapshot.
 *
 * The subject's own rows are those of its value, in its table and wherever the tenant column holds it, and whatever refers to them, as far as
 * it does not name another tenant. What own rows refer to is needed as well, but never followed downwards: from a city to all its
 * citizens. A row is known by partition and place, which do not change within a snapshot that nobody writes beside.
 */
export async function followKeys(
  client: Client,
  catalog: TableCatalog,
  asked: Selection,
  signal: AbortSignal | undefined,
): Promise<{ counts: Map<number, Counts>; reachable: number[]; passedOver: { table: string; rows: number }[] }> {
  const root = findTable(catalog, asked.kind === 'table' ? asked.table : asked.subject.table)
  const selection = await asWritten(client, root, asked)
  const keys = selection.kind === 'table' ? [] : catalog.foreignKeys
  const whose = (table: Table): string | undefined => {
    if (selection.kind === 'table') return undefined
    const { column, tenant } = selection.subject
    if (table.oid === root.oid) return column
    return table.columns.some(({ name }) => name === tenant) ? tenant : undefined
  }
  const reachable = reachableTables(catalog, root, keys, whose)
  for (const oid of reachable) {
    const table = tableOf(catalog, oid)
    await client.query(`CREATE TEMPORARY TABLE aval_rows_${oid}
      (leaf oid, row tid, belongs text NOT NULL, round integer NOT NULL, PRIMARY KEY (leaf, row))`)
    const odd = keys.find(({ child, period }) => period && child.table === table.oid)
    if (odd)
      throw failure('EXTRACT_UNSUPPORTED', { table: table.sql, what: `the foreign key ${odd.name} over a period` })
  }
  // The order matters: temporary tables may be written in a transaction that reads only, but not made.
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')

  for (const oid of reachable) {
    const table = tableOf(catalog, oid)
    const column = whose(table)
    if (selection.kind === 'subject' && column === undefined) continue
    const where = selection.kind === 'table' ? 'true' : holds(catalog, root, table, selection.subject, column)
    await client.query(`INSERT INTO ${keyTable(table)}
      SELECT t.tableoid, t.ctid, 'own', 0 FROM ${fromTable(table)} AS t WHERE ${where}`)
  }

  const followed = keys.filter(({ child, parent }) => reachable.has(child.table) && reachable.has(parent.table))
  // Only what the last round found is followed: a table nothing came to costs nothing.
  for (let round = 0, fresh: ReadonlySet<number> = reachable; fresh.size > 0; round++) {
    const found = new Set<number>()
    for (const key of followed) {
      signal?.throwIfAborted()
      const [child, parent] = [tableOf(catalog, key.child.table), tableOf(catalog, key.parent.table)]
      if (fresh.has(parent.oid) && (await takeReferring(client, catalog, key, round, whose(child), selection)) > 0) {
        found.add(child.oid)
      }
      if (fresh.has(child.oid) && (await takeReferredTo(client, catalog, key, round, whose(parent), selection)) > 0) {
        found.add(parent.oid)
      }
    }
    fresh = found
  }
  const counts = new Map<number, Counts>()
  for (const oid of reachable) {
    const { rows } = await client.query(`SELECT count(*) FILTER (WHERE belongs = 'own')::float8 AS own,
      count(*) FILTER (WHERE belongs = 'shared')::float8 AS shared,
      count(*) FILTER (WHERE belongs = 'other')::float8 AS others FROM ${keyTable(tableOf(catalog, oid))}`)
    counts.set(oid, countsRow.parse(rows[0]))
  }
  return { counts, reachable: [...reachable], passedOver: await countPassedOver(client, catalog, followed) }
}

/** The value as the server writes it, so that it can be compared as text: a UUID in capitals is the same UUID. */
async function asWritten(client: Client, root: Table, selection: Selection): Promise<Selection> {
  if (selection.kind === 'table') return selection
  const { subject } = selection
  const type = typeOf(root, subject.column)
  if (type === undefined) throw failure('EXTRACT_TABLE_UNKNOWN', { table: `${root.sql}.${subject.column}` })
  const { rows } = await client.query<{ value: string }>(`SELECT $1::text::${type}::text AS value`, [subject.value])
  return { kind: 'subject', subject: { ...subject, value: rows[0]?.value ?? subject.value } }
}

const countsRow = z.object({ own: z.number(), shared: z.number(), others: z.number() })

/** Rows that refer to what is the subject's own, and name another tenant or none, become its own; those of another do not. */
async function takeReferring(
  client: Client,
  catalog: TableCatalog,
  key: ForeignKey,
  round: number,
  tenant: string | undefined,
  selection: Selection,
): Promise<number> {
  const child = tableOf(catalog, key.child.table)
  const own = mine('c', tenant, selection)
  const { rowCount } = await client.query(`
    INSERT INTO ${keyTable(child)} AS known
    SELECT DISTINCT c.tableoid, c.ctid, 'own', ${round + 1} FROM ${joined(catalog, key)}
    JOIN ${keyTable(tableOf(catalog, key.parent.table))} AS k ON p.tableoid = k.leaf AND p.ctid = k.row
    WHERE k.belongs = 'own' AND k.round = ${round} AND ${own}
    ON CONFLICT (leaf, row) DO UPDATE SET belongs = 'own', round = excluded.round WHERE known.belongs <> 'own'`)
  return rowCount ?? 0
}

/** What chosen rows refer to is needed for them to stand. */
async function takeReferredTo(
  client: Client,
  catalog: TableCatalog,
  key: ForeignKey,
  round: number,
  tenant: string | undefined,
  selection: Selection,
): Promise<number> {
  const parent = tableOf(catalog, key.parent.table)
  const { rowCount } = await client.query(`
    INSERT INTO ${keyTable(parent)}
    SELECT DISTINCT p.tableoid, p.ctid, CASE WHEN ${mine('p', tenant, selection)} THEN 'shared' ELSE 'other' END, ${round + 1}
    FROM ${joined(catalog, key)}
    JOIN ${keyTable(tableOf(catalog, key.child.table))} AS k ON c.tableoid = k.leaf AND c.ctid = k.row
    WHERE k.round = ${round} AND k.belongs <> 'other'
    ON CONFLICT DO NOTHING`)
  return rowCount ?? 0
}

/** Rows that refer to the subject's own and were not taken, since they are somebody else's. */
async function countPassedOver(
  client: Client,
  catalog: TableCatalog,
  keys: readonly ForeignKey[],
): Promise<{ table: string; rows: number }[]> {
  const passed = new Map<string, number>()
  for (const key of keys) {
    const child = tableOf(catalog, key.child.table)
    const { rows } = await client.query<{ rows: number }>(`
      SELECT count(*)::float8 AS rows FROM ${joined(catalog, key)}
      JOIN ${keyTable(tableOf(catalog, key.parent.table))} AS k ON p.tableoid = k.leaf AND p.ctid = k.row
      WHERE k.belongs = 'own' AND NOT EXISTS (
        SELECT FROM ${keyTable(child)} AS chosen WHERE chosen.leaf = c.tableoid AND chosen.row = c.ctid AND chosen.belongs = 'own')`)
    const count = rows[0]?.rows ?? 0
    if (count > 0) passed.set(child.sql, (passed.get(child.sql) ?? 0) + count)
  }
  return [...passed].map(([table, count]) => ({ table, rows: count }))
}

function joined(catalog: TableCatalog, { child, parent }: ForeignKey): string {
  const on = child.columns.map(
    (name, at) => `c.${escapeIdentifier(name)} = p.${escapeIdentifier(parent.columns[at] ?? name)}`,
  )
  // A key may be declared on a partition alone.
  const only = (end: ForeignKey['child']) => {
    const table = tableOf(catalog, end.table)
    return table.partitioned ? end.sql : `ONLY ${end.sql}`
  }
  return `${only(child)} AS c JOIN ${only(parent)} AS p ON ${on.join(' AND ')}`
}

function mine(alias: string, tenant: string | undefined, selection: Selection): string {
  if (tenant === undefined || selection.kind === 'table') return 'true'
  const column = `${alias}.${escapeIdentifier(tenant)}`
  return `(${column} IS NULL OR ${column}::text = ${escapeLiteral(selection.subject.value)})`
}

/** Compared by value, through the index of the column, where the types are the same; else as text. */
function holds(catalog: TableCatalog, root: Table, table: Table, subject: Subject, column = subject.column): string {
  const type = typeOf(tableOf(catalog, root.oid), subject.column)
  const own = typeOf(table, column)
  if (type === undefined || own === undefined) {
    throw failure('EXTRACT_TABLE_UNKNOWN', { table: `${table.sql}.${column}` })
  }
  const name = `t.${escapeIdentifier(column)}`
  return own === type
    ? `${name} = ${escapeLiteral(subject.value)}::${type}`
    : `${name}::text = ${escapeLiteral(subject.value)}::${type}::text`
}

function typeOf(table: Table, column: string): string | undefined {
  return table.columns.find(({ name }) => name === column)?.type
}

function fromTable(table: Table): string {
  return table.partitioned ? table.sql : `ONLY ${table.sql}`
}

/** Every table that the subject's rows can be in, downwards from it, and whatever those refer to. */
function reachableTables(
  catalog: TableCatalog,
  root: Table,
  keys: readonly ForeignKey[],
  whose: (table: Table) => string | undefined,
): Set<number> {
  const owning = new Set(
    [...catalog.tables.values()].filter((table) => whose(table) !== undefined).map(({ oid }) => oid),
  )
  owning.add(root.oid)
  grow(owning, keys, (key) => [key.parent.table, key.child.table])
  grow(owning, keys, (key) => [key.child.table, key.parent.table])
  return owning
}

function grow(set: Set<number>, keys: readonly ForeignKey[], step: (key: ForeignKey) => [number, number]): void {
  for (let before = -1; before !== set.size; ) {
    before = set.size
    for (const key of keys) {
      const [from, to] = step(key)
      if (set.has(from)) set.add(to)
    }
  }
}

function tableOf(catalog: TableCatalog, oid: number): Table {
  const table = catalog.tables.get(oid)
  if (table === undefined) throw failure('EXTRACT_TABLE_UNKNOWN', { table: `number ${oid}` })
  return table
}

/** @throws EXTRACT_TABLE_UNKNOWN */
function findTable({ tables }: TableCatalog, name: string): Table {
  const [schema, table] = name.includes('.') ? name.split('.', 2) : ['public', name]
  const found = [...tables.values()].find((each) => each.schema === schema && each.name === table)
  if (found === undefined) throw failure('EXTRACT_TABLE_UNKNOWN', { table: name })
  return found
}
