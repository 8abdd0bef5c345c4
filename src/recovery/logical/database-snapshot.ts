import { z } from 'zod'
import { connect, withClient } from '../../postgres/connection.ts'
import type { Server } from '../../postgres/server.ts'
import { sumTables, type TableSum } from './table-sums.ts'

/** A state of one database that stays the same while it is dumped and summed. */
export interface DatabaseSnapshot {
  database: string
  url: string
  /** For `pg_dump --snapshot`. */
  name: string
  extensions: string[]
  sums(signal?: AbortSignal): Promise<TableSum[]>
  close(): Promise<void>
}

const snapshotRow = z.object({ name: z.string(), extensions: z.array(z.string()) })

/** Every table that one transaction sees is summed in it, while `pg_dump` reads through others with the same snapshot. */
export async function openSnapshot(server: Server, database: string): Promise<DatabaseSnapshot> {
  const url = server.url({ database })
  const client = await connect(url)
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    // A dump of a large database outlives what a server may allow to idle or slow transactions.
    for (const name of ['statement_timeout', 'idle_in_transaction_session_timeout', 'lock_timeout']) {
      await client.query(`SET ${name} = 0`)
    }
    const { rows } = await client.query(
      `SELECT pg_export_snapshot() AS name,
              (SELECT coalesce(array_agg(extname::text ORDER BY extname), '{}') FROM pg_catalog.pg_extension) AS extensions`,
    )
    const { name, extensions } = snapshotRow.parse(rows[0])
    return {
      database,
      url,
      name,
      extensions,
      sums: (signal) => sumTables(client, signal),
      close: () => client.end().catch(() => undefined),
    }
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
}

const databaseRows = z.array(z.object({ name: z.string(), bytes: z.coerce.number() }))

/**
 * Databases to dump, with the bytes they take: every one the URL's role may connect to. `postgres`, which each cluster has, only when somebody
 * keeps something in it.
 */
export async function databasesOf(server: Server): Promise<{ name: string; bytes: number }[]> {
  const all = await withClient(server.url(), async (client) => {
    const { rows } = await client.query(
      `SELECT datname AS name, pg_database_size(oid)::text AS bytes FROM pg_catalog.pg_database
        WHERE NOT datistemplate AND datallowconn AND has_database_privilege(oid, 'CONNECT') ORDER BY datname`,
    )
    return databaseRows.parse(rows)
  })
  if (!all.some(({ name }) => name === 'postgres')) return all
  const used = await withClient(server.url({ database: 'postgres' }), async (client) => {
    const { rowCount } = await client.query(
      `SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') LIMIT 1`,
    )
    return rowCount !== 0
  })
  return all.filter(({ name }) => used || name !== 'postgres')
}
