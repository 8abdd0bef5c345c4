import type { Client } from 'pg'
import { z } from 'zod'
import { withClient } from '../../../postgres/connection.ts'

/**
 * Reads from a database on a connection of its own that can change nothing and gives up in time.
 * @param role as which it reads; whoever connects when left out.
 */
export function readDatabase<T>(
  url: string,
  options: { timeoutMs: number; role?: string | undefined },
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return withClient(url, async (client) => {
    await client.query('BEGIN READ ONLY')
    await client.query("SELECT set_config('statement_timeout', $1, true)", [String(options.timeoutMs)])
    if (options.role !== undefined) await client.query("SELECT set_config('role', $1, true)", [options.role])
    const result = await work(client)
    await client.query('ROLLBACK')
    return result
  })
}

/** A number as Postgres sends it: text where it may be larger than a double holds exactly. */
export const figure = z.coerce.number()
