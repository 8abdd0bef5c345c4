import { Pool } from 'pg'

/** Connections of one service instance. */
const size = 5

/**
 * A pool to wherever the database is just now: after a restore at another address it is another pool. What the old one still holds it
 * gives up by itself.
 */
export function poolAt(url: () => string): () => Pool {
  let current: { url: string; pool: Pool } | undefined
  return () => {
    const wanted = url()
    if (current?.url === wanted) return current.pool
    const pool = new Pool({
      connectionString: wanted,
      max: size,
      application_name: 'bloom',
      connectionTimeoutMillis: 5_000,
      query_timeout: 10_000,
      idleTimeoutMillis: 1_000,
      allowExitOnIdle: true,
    })
    // A connection that breaks while nobody uses it has left the pool already; the next statement asks for another.
    pool.on('error', () => undefined)
    current = { url: wanted, pool }
    return pool
  }
}
