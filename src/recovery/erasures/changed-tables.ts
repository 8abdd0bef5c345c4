import type { Client } from 'pg'
import { z } from 'zod'

/** What became of the rows of one table; partitions count for the table they belong to. */
export interface ChangedTable {
  /** Schema and name, quoted where SQL wants it. */
  table: string
  deleted: number
  /** Changed in place, such as a reference that was set to null. */
  updated: number
  inserted: number
}

const counts = z.array(z.object({ table: z.string(), deleted: z.number(), updated: z.number(), inserted: z.number() }))

/**
 * What `work` changes in each table, inside the transaction of the caller, with all that foreign keys and triggers take along, deferred
 * ones too. The server counts; no table is read for it.
 * @returns no tables where the server was told not to count (`track_counts`).
 */
export async function countChanges<T>(
  client: Client,
  work: () => Promise<T>,
): Promise<{ result: T; tables: ChangedTable[] | undefined }> {
  // Of earlier transactions of this session as well, until the server has passed them on.
  const before = await readCounts(client)
  const result = await work()
  await client.query('SET CONSTRAINTS ALL IMMEDIATE')
  const after = await readCounts(client)
  if (before === undefined || after === undefined) return { result, tables: undefined }
  const tables = [...after].map(([table, now]) => {
    const was = before.get(table) ?? { deleted: 0, updated: 0, inserted: 0 }
    return {
      table,
      deleted: now.deleted - was.deleted,
      updated: now.updated - was.updated,
      inserted: now.inserted - was.inserted,
    }
  })
  return { result, tables: tables.filter(({ deleted, updated, inserted }) => deleted + updated + inserted > 0) }
}

async function readCounts(client: Client): Promise<Map<string, Omit<ChangedTable, 'table'>> | undefined> {
  const setting = await client.query<{ on: boolean }>("SELECT current_setting('track_counts')::boolean AS on")
  if (setting.rows[0]?.on !== true) return undefined
  const { rows } = await client.query(countsSql)
  return new Map(counts.parse(rows).map(({ table, ...each }) => [table, each]))
}

const countsSql = `
SELECT format('%I.%I', n.nspname, c.relname) AS "table", sum(s.n_tup_del)::float8 AS deleted,
  sum(s.n_tup_upd)::float8 AS updated, sum(s.n_tup_ins)::float8 AS inserted
FROM pg_catalog.pg_stat_xact_user_tables s
JOIN pg_catalog.pg_class c ON c.oid = coalesce(pg_catalog.pg_partition_root(s.relid), s.relid)
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't'
GROUP BY 1 ORDER BY 1`
