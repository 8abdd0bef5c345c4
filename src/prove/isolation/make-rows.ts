import { type Client, DatabaseError, escapeIdentifier } from 'pg'
import { messageOf } from '../../errors.ts'
import type { Random } from '../../random.ts'
import type { Catalog, Column, Table } from './catalog.ts'
import { keyOf, type Ownership } from './ownership.ts'
import { alternatives, type Value, valueFor } from './values.ts'

/** A row that was made: where it lies, and its values as text. */
export interface MadeRow {
  /** The table it lies in: of a partitioned table, the partition. */
  partition: number
  ctid: string
  values: ReadonlyMap<string, Value>
}

/** The rows of one tenant, by table. */
export type Rows = ReadonlyMap<number, MadeRow>

export interface Making {
  catalog: Catalog
  ownership: ReadonlyMap<number, Ownership>
  random: Random
  /** What the plan says of columns that cannot be guessed: table to column to text. */
  said: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Thrown when no row of a table could be made. */
export class RowNotMade extends Error {}

/**
 * Makes one row in every table that can hold one of the tenant's, those it refers to first. Triggers and foreign keys do not fire, so that
 * nothing but constraints shapes the rows; the references are right by construction.
 * @returns the rows, and why there is none where there is none
 */
export async function makeRows(
  client: Client,
  tenant: string,
  shared: Map<number, MadeRow>,
  making: Making,
): Promise<{ rows: Map<number, MadeRow>; unmade: Map<number, string> }> {
  const rows = new Map<number, MadeRow>()
  const unmade = new Map<number, string>()
  const under = new Set<number>()
  const tables = new Map(making.catalog.tables.map((table) => [table.oid, table]))
  const make = async (table: Table): Promise<MadeRow | undefined> => {
    const owned = making.ownership.has(table.oid)
    const place = owned ? rows : shared
    const known = place.get(table.oid)
    if (known !== undefined || under.has(table.oid) || unmade.has(table.oid)) return known
    under.add(table.oid)
    try {
      const fixed = await fixedValues(table, tenant, making, async (oid) => {
        const parent = tables.get(oid)
        return parent === undefined ? undefined : make(parent)
      })
      const row = await insertSomehow(client, table, fixed, making)
      place.set(table.oid, row)
      if (row.partition !== table.oid && !place.has(row.partition)) place.set(row.partition, row)
      return row
    } catch (error) {
      if (!(error instanceof RowNotMade)) throw error
      unmade.set(table.oid, error.message)
      return undefined
    } finally {
      under.delete(table.oid)
    }
  }
  for (const table of making.catalog.tables)
    if (making.ownership.has(table.oid) && table.partitionOf === null) await make(table)
  return { rows, unmade }
}

/** What is settled before anything is tried: the tenant, what the plan says, and the keys of rows that are referred to. */
async function fixedValues(
  table: Table,
  tenant: string,
  { ownership, said }: Making,
  rowOf: (oid: number) => Promise<MadeRow | undefined>,
): Promise<Map<string, Value>> {
  const fixed = new Map<string, Value>()
  for (const column of ownership.get(table.oid)?.columns ?? []) fixed.set(column, tenant)
  for (const [column, text] of Object.entries(said[table.name] ?? {})) fixed.set(column, text)
  for (const { columns, parent, parentColumns } of table.foreignKeys) {
    const above = parent === table.oid ? undefined : await rowOf(parent)
    for (const [place, column] of columns.entries()) {
      if (fixed.has(column)) continue
      const value = above?.values.get(parentColumns[place] ?? '')
      if (value !== undefined) fixed.set(column, value)
      else if (!table.columns.find(({ name }) => name === column)?.notNull) fixed.set(column, null)
    }
  }
  return fixed
}

async function insertSomehow(
  client: Client,
  table: Table,
  fixed: ReadonlyMap<string, Value>,
  { random, catalog }: Making,
): Promise<MadeRow> {
  const free = table.columns.filter((column) => !column.computed && !fixed.has(column.name))
  const keys = new Set(keyOf(table) ?? [])
  const values = new Map(fixed)
  for (const column of free) {
    if (column.hasDefault && !(keys.has(column.name) && column.base !== 'bool')) continue
    if (column.hasDefault && /^int/.test(column.base)) continue
    const value = valueFor(column, random)
    if (value !== undefined) values.set(column.name, value)
    else if (column.notNull)
      throw new RowNotMade(`${table.name}.${column.name} is of type ${column.type}, of which no value is known`)
  }
  const bounds = allBounds(table, catalog)
  let last = ''
  for (let tries = 0; tries < 600; tries++) {
    const outcome = await tryInsert(client, table, values)
    if (!('error' in outcome)) return outcome
    last = outcome.error.constraint ?? outcome.error.message
    const suspects = suspectsOf(outcome.error, table, free)
    if (suspects.length === 0) break
    for (const column of suspects) {
      if (suspects.length > 1 && random.next() < 0.3) continue
      const texts = table.checks
        .filter(({ columns }) => columns.includes(column.name))
        .map(({ definition }) => definition)
      const candidates = alternatives(column, [...texts, ...bounds], random)
      if (column.hasDefault && random.next() < 0.2) values.delete(column.name)
      else if (candidates.length > 0) values.set(column.name, random.pick(candidates))
    }
  }
  throw new RowNotMade(`no row fits into ${table.name}: ${last}`)
}

/** The columns that may be why the server refused a row. */
function suspectsOf(error: DatabaseError, table: Table, free: readonly Column[]): readonly Column[] {
  const named =
    table.checks.find(({ name }) => name === error.constraint)?.columns ??
    table.uniques.find(({ name }) => name === error.constraint)?.columns ??
    (error.column === undefined ? undefined : [error.column])
  return named === undefined ? free : free.filter(({ name }) => named.includes(name))
}

function allBounds(table: Table, { tables }: Catalog): string[] {
  const below = tables.filter(({ partitionOf }) => partitionOf === table.oid)
  return [...table.bounds, ...below.flatMap((each) => each.bounds)]
}

async function tryInsert(
  client: Client,
  table: Table,
  values: ReadonlyMap<string, Value>,
): Promise<MadeRow | { error: DatabaseError }> {
  const columns = [...values.keys()]
  const list =
    columns.length === 0
      ? 'DEFAULT VALUES'
      : `(${columns.map(escapeIdentifier).join(', ')}) OVERRIDING SYSTEM VALUE VALUES (${columns.map((_, place) => `$${place + 1}`).join(', ')})`
  const back = table.columns.map(({ name }) => `${escapeIdentifier(name)}::text`).join(', ')
  await client.query('SAVEPOINT aval_row')
  try {
    const { rows } = await client.query<Value[]>({
      text: `INSERT INTO ${table.sql} ${list} RETURNING tableoid::int8::text, ctid::text, ${back}`,
      values: [...values.values()],
      rowMode: 'array',
    })
    await client.query('RELEASE aval_row')
    const [partition, ctid, ...found] = rows[0] ?? []
    if (typeof partition !== 'string' || typeof ctid !== 'string')
      throw new RowNotMade(`${table.name} keeps no row: a rule turns it away`)
    return {
      partition: Number(partition),
      ctid,
      values: new Map(table.columns.map(({ name }, place) => [name, found[place] ?? null])),
    }
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    await client.query('ROLLBACK TO aval_row; RELEASE aval_row')
    if (!/^2[23]/.test(error.code ?? '')) throw new RowNotMade(`${table.name}: ${messageOf(error)}`)
    return { error }
  }
}
