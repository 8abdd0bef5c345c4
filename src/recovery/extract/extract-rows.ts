import type { Readable } from 'node:stream'
import { type Client, DatabaseError, escapeIdentifier, escapeLiteral } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { failure } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import { canonicalSession, digestRows, givenColumns, type RowsDigest } from './canonical-rows.ts'
import { followKeys, keyTable, type Selection } from './follow-keys.ts'
import { type ForeignKey, readTables, type Table } from './table-catalog.ts'
import { orderTables } from './table-order.ts'

export type { Selection, Subject } from './follow-keys.ts'

export interface ExtractOptions {
  /** Of the server the rows come from, as somebody whom row security does not bind. Nothing is changed there. */
  url: string
  selection: Selection
  signal?: AbortSignal
}

export interface ExtractedTable extends RowsDigest {
  table: Table
  /** Of its rows, those that are the subject's own. */
  own: number
  /** Rows others refer to; brought in where they are missing. */
  shared: number
  /** Rows of somebody else that rows of the subject refer to; never brought in. */
  others: number
}

/** Rows that belong together, as they were at one moment. Readable while the callback of `extractRows` runs. */
export interface Extraction {
  selection: Selection
  /** What is referred to comes first. Tables without rows are left out. */
  tables: readonly ExtractedTable[]
  /** Every table where the subject could have rows: those above and the empty ones. */
  reachable: readonly Table[]
  /** Keys that no order of the tables satisfies. */
  cyclic: readonly ForeignKey[]
  /** Rows of somebody else that refer to rows of the subject: not taken. */
  passedOver: readonly { table: string; rows: number }[]
  /** Rows as COPY text: first `own`, `shared` or `other`, then the columns of `givenColumns`. One stream at a time. */
  read(table: Table): Readable
  /** Rows as text of VALUES lists, one a line, in the escapes of COPY. */
  readValues(table: Table): Readable
  sequences(table: Table): Promise<{ column: string; sequence: string }[]>
}

/**
 * Finds the rows of a subject, or of a whole table, and hands them to `work` inside one snapshot. Keys of rows are kept by the server, rows
 * are streamed: memory does not grow with them.
 * @throws EXTRACT_TABLE_UNKNOWN, EXTRACT_VALUE_UNFIT, EXTRACT_UNSUPPORTED, POSTGRES_UNREACHABLE
 */
export async function extractRows<T>(
  options: ExtractOptions,
  work: (extraction: Extraction) => Promise<T>,
): Promise<T> {
  return withClient(options.url, async (client) => {
    await client.query(canonicalSession)
    const catalog = await readTables(client)
    const found = await followKeys(client, catalog, options.selection, options.signal).catch((error: unknown) => {
      // Class 22: a value that its type does not take.
      if (error instanceof DatabaseError && error.code?.startsWith('22')) throw failure('EXTRACT_VALUE_UNFIT', {})
      throw error
    })
    const order = orderTables(found.reachable, catalog.foreignKeys)
    const tables: ExtractedTable[] = []
    for (const oid of order.tables) {
      const table = catalog.tables.get(oid)
      const counts = found.counts.get(oid)
      if (table === undefined || counts === undefined || counts.own + counts.shared + counts.others === 0) continue
      options.signal?.throwIfAborted()
      const names = table.columns.map(({ name }) => name)
      tables.push({ table, ...counts, ...(await digestRows(client, 't', names, chosen(table))) })
    }
    const result = await work({
      selection: options.selection,
      tables,
      reachable: order.tables.flatMap((oid) => catalog.tables.get(oid) ?? []),
      cyclic: order.cyclic,
      passedOver: found.passedOver,
      read: (table) => {
        const columns = givenColumns(table).map((name) => `t.${escapeIdentifier(name)}`)
        return client.query(copyTo(`COPY (SELECT k.belongs, ${columns.join(', ')} FROM ${chosen(table)}) TO STDOUT`))
      },
      readValues: (table) => {
        const values = givenColumns(table).map((name) => `quote_nullable(t.${escapeIdentifier(name)})`)
        const text = `'(' || concat_ws(', ', ${values.join(', ')}) || ')'`
        return client.query(copyTo(`COPY (SELECT k.belongs, ${text} FROM ${chosen(table)}) TO STDOUT`))
      },
      sequences: (table) => ownSequences(client, table),
    })
    await client.query('ROLLBACK')
    return result
  })
}

function chosen(table: Table): string {
  const from = table.partitioned ? table.sql : `ONLY ${table.sql}`
  return `${from} AS t JOIN ${keyTable(table)} AS k ON t.tableoid = k.leaf AND t.ctid = k.row`
}

/** Sequences whose numbers the columns of a table take: identity, serial, and a default that names one. */
export async function ownSequences(client: Client, table: Table): Promise<{ column: string; sequence: string }[]> {
  const { rows } = await client.query<{ column: string; sequence: string }>(
    `SELECT DISTINCT a.attname AS column, format('%I.%I', n.nspname, s.relname) AS sequence
     FROM pg_catalog.pg_depend d
     JOIN pg_catalog.pg_class s ON s.relkind = 'S' AND (
       (d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i'))
       OR (d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid))
     JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
     LEFT JOIN pg_catalog.pg_attrdef f ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND f.oid = d.objid
     JOIN pg_catalog.pg_attribute a ON
       (f.oid IS NOT NULL AND a.attrelid = f.adrelid AND a.attnum = f.adnum)
       OR (f.oid IS NULL AND a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND d.refclassid = 'pg_catalog.pg_class'::regclass)
     WHERE a.attrelid = ${escapeLiteral(table.sql)}::regclass AND a.attnum > 0 ORDER BY 1, 2`,
  )
  return rows
}
