import { type Client, DatabaseError, escapeIdentifier } from 'pg'
import type { Random } from '../../random.ts'
import { type Catalog, type Column, readCatalog, type Table } from '../isolation/catalog.ts'
import { makeRows } from '../isolation/make-rows.ts'
import { ownershipOf } from '../isolation/ownership.ts'
import { valueFor } from '../isolation/values.ts'

/** What came of filling the tables of a database. */
export interface Filling {
  /** Tables with rows, by the name that stands in SQL. */
  tables: { sql: string; oid: string; rows: number; column: string }[]
  /** Tables that hold less than was asked for, and why. */
  short: { table: string; rows: number; why: string }[]
}

/** How a plan says what constraints do not tell. */
export interface Known {
  /** Column that says whose a row is. */
  tenant: string
  rows: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Rows that copies are made of. */
const originals = 20

/**
 * Fills every table up to a number of rows: one is made by its constraints, and copied with other keys. References are right, so that what
 * a migration checks finds nothing. Triggers do not fire.
 * @param client of a superuser
 */
export async function fillTables(client: Client, rows: number, known: Known, random: Random): Promise<Filling> {
  const catalog = await readCatalog(client)
  const owned = ownershipOf(catalog, known.tenant)
  // Lists that all share are filled as well.
  const ownership = new Map(catalog.tables.map(({ oid }) => [oid, owned.get(oid) ?? { columns: [] }]))
  const making = { catalog, ownership, random, said: known.rows }
  const filling: Filling = { tables: [], short: [] }
  await client.query("BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL synchronous_commit = 'off'")
  try {
    const tables = catalog.tables.filter(({ partitionOf }) => partitionOf === null)
    const counts = new Map<number, number>()
    for (const table of tables) counts.set(table.oid, await count(client, table, rows))
    const unmade = new Map<number, string>()
    if ([...counts.values()].some((there) => there === 0)) {
      const made = await makeRows(client, tenantOf(catalog, known.tenant, random), new Map(), making)
      for (const [oid, why] of made.unmade) unmade.set(oid, why)
    }
    const refusals = new Map<number, string>()
    // Twice: a table with one row for each of another finds those only when that one is full.
    for (const table of [...tables, ...tables]) {
      const there = await count(client, table, rows)
      if (there === 0 || there >= rows) continue
      refusals.set(table.oid, (await copyRows(client, table, catalog, rows)) ?? 'copies meet a constraint')
    }
    for (const table of tables) {
      const there = await count(client, table, rows)
      const why = unmade.get(table.oid) ?? refusals.get(table.oid) ?? 'no row could be made'
      const [column] = table.columns.filter(({ computed }) => !computed)
      if (there > 0 && column !== undefined)
        filling.tables.push({
          sql: table.sql,
          oid: String(table.oid),
          rows: there,
          column: escapeIdentifier(column.name),
        })
      if (there < rows) filling.short.push({ table: table.name, rows: there, why })
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
  await client.query('ANALYZE')
  return filling
}

async function count(client: Client, { sql }: Table, upTo: number): Promise<number> {
  const { rows } = await client.query<{ there: number }>(
    `SELECT count(*)::int AS there FROM (SELECT 1 FROM ${sql} LIMIT ${upTo}) AS part`,
  )
  return rows[0]?.there ?? 0
}

/** @returns why nothing was copied; undefined when something was */
async function copyRows(client: Client, table: Table, catalog: Catalog, wanted: number): Promise<string | undefined> {
  const copies = copiesOf(table, catalog)
  if ('why' in copies) return copies.why
  const names = table.columns.filter(({ computed }) => !computed).map(({ name }) => name)
  const texts = names.map((name) => copies.columns.get(name) ?? `s.${escapeIdentifier(name)}`)
  await client.query('SAVEPOINT copies')
  try {
    await client.query(
      `INSERT INTO ${table.sql} (${names.map(escapeIdentifier).join(', ')}) OVERRIDING SYSTEM VALUE
       SELECT ${texts.join(', ')} FROM (SELECT * FROM ${table.sql} LIMIT ${copies.above === undefined ? originals : 1}) AS s,
         (${copies.above ?? `SELECT g FROM generate_series(1, ${wanted}) AS g`}) AS up LIMIT ${wanted} ON CONFLICT DO NOTHING`,
    )
    await client.query('RELEASE copies')
    return undefined
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    await client.query('ROLLBACK TO copies; RELEASE copies')
    return `copies are refused: ${error.constraint ?? error.code}`
  }
}

/** How copies of a row differ: a column of every unique index, or the row of another table that each is the only one of. */
interface Copies {
  columns: Map<string, string>
  /** A query of those rows, with a number `g`. */
  above?: string
}

function copiesOf(table: Table, { tables }: Catalog): Copies | { why: string } {
  const referring = new Set(table.foreignKeys.flatMap(({ columns }) => columns))
  const copies: Copies = { columns: new Map() }
  const { columns } = copies
  for (const { columns: unique, name } of table.uniques) {
    const all = unique.flatMap((each) => table.columns.filter((column) => column.name === each))
    if (all.some((column) => column.computed || columns.has(column.name))) continue
    const free = all.find((column) => !referring.has(column.name) && otherValue(column) !== undefined)
    const empty = all.find((column) => !column.notNull)
    const key = table.foreignKeys.find((each) => unique.every((column) => each.columns.includes(column)))
    const parent = tables.find(({ oid }) => oid === key?.parent)
    if (free !== undefined) columns.set(free.name, otherValue(free) ?? 'NULL')
    else if (empty !== undefined) columns.set(empty.name, 'NULL')
    else if (key !== undefined && parent !== undefined && copies.above === undefined) {
      copies.above = `SELECT *, row_number() OVER () AS g FROM ${parent.sql}`
      for (const [place, column] of key.columns.entries())
        columns.set(column, `up.${escapeIdentifier(key.parentColumns[place] ?? column)}`)
    } else return { why: `nothing of ${name} can differ` }
  }
  return copies
}

/** An expression that differs for every copy; undefined for a type that has too few values. */
function otherValue({ name, base, type, labels }: Column): string | undefined {
  if (labels.length > 0) return undefined
  const length = Number(/\((\d+)\)/.exec(type)?.[1] ?? 32)
  if (base === 'uuid') return 'gen_random_uuid()'
  if (base === 'int4' || base === 'int8') return `s.${escapeIdentifier(name)} + 1000000 + (row_number() OVER ())`
  if ((base === 'text' || base === 'varchar') && length >= 16)
    return `left(md5(random()::text || up.g), ${Math.min(length, 32)})`
  if (base === 'timestamptz' || base === 'timestamp')
    return `s.${escapeIdentifier(name)} + up.g * interval '1 millisecond'`
  return undefined
}

function tenantOf({ tables }: Catalog, tenant: string, random: Random): string {
  const column = tables.flatMap(({ columns }) => columns).find(({ name }) => name === tenant)
  return (column === undefined ? undefined : valueFor(column, random)) ?? 'tenant'
}
