import type { Client } from 'pg'
import { z } from 'zod'
import { withClient } from '../../../postgres/connection.ts'

/**
 * Reads from a database on a connection of its own that can change nothing and gives up in time.
 * @param options.role as which it reads; whoever connects when left out.
 * @param options.signal leaves the connection at once, whatever the server does: one that hangs keeps none of it.
 */
export function readDatabase<T>(
  url: string,
  options: { timeoutMs: number; role?: string | undefined; signal?: AbortSignal },
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { timeoutMs, role, signal } = options
  return withClient(url, async (client) => {
    const leave = () => void client.end().catch(() => undefined)
    signal?.addEventListener('abort', leave, { once: true })
    try {
      signal?.throwIfAborted()
      await client.query('BEGIN READ ONLY')
      await client.query("SELECT set_config('statement_timeout', $1, true)", [String(timeoutMs)])
      if (role !== undefined) await client.query("SELECT set_config('role', $1, true)", [role])
      const result = await work(client)
      await client.query('ROLLBACK')
      return result
    } finally {
      signal?.removeEventListener('abort', leave)
    }
  })
}

/** A number as Postgres sends it: text where it may be larger than a double holds exactly. */
export const figure = z.coerce.number()
