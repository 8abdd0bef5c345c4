import type { Client } from 'pg'
import { withClient } from '../../postgres/connection.ts'
import { type Lsn, parseLsn } from './lsn.ts'

/**
 * A moment of the server's clock that can be restored to: a transaction that committed at or after `at` lies before `lsn`.
 * Recovery to an earlier moment stops at it; without such a commit Postgres would end with an error.
 */
export interface Mark {
  /** Milliseconds since the epoch, rounded down, by the server's clock. */
  at: number
  lsn: Lsn
}

/**
 * Commits a transaction that changes nothing, so that every moment before it can be restored to. A transactional message
 * makes a commit record at any `wal_level` and touches no table.
 */
export async function beat(client: Client): Promise<Mark> {
  // On the server's own disk, so that it is sent at once; a synchronous standby may be the very receiver that waits for it.
  const written = await client.query<{ at: string }>(
    `WITH setting AS MATERIALIZED (SELECT set_config('synchronous_commit', 'local', true))
     SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::text AS at
       FROM setting, pg_logical_emit_message(true, 'aval', 'heartbeat')`,
  )
  const position = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn')
  return { at: Number(written.rows[0]?.at), lsn: parseLsn(position.rows[0]?.lsn ?? '') }
}

/** The server's clock, milliseconds since the epoch, rounded up. */
export async function serverTime(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ at: string }>(
      'SELECT ceil(extract(epoch FROM clock_timestamp()) * 1000)::text AS at',
    )
    return Number(rows[0]?.at)
  })
}
