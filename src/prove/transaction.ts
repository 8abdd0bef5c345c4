import { Client } from 'pg'

/** Asks within a transaction. */
export type Ask = <Row extends object>(sql: string, values?: readonly unknown[]) => Promise<Row[]>

const patienceMs = 10_000

/**
 * One transaction on a connection of its own, as a client of a database makes it for which row security decides by a setting. What it
 * resolves with was committed.
 * @param settings local to the transaction, such as `app.current_tenant`
 * @throws the error of the server, or of a connection that broke: then it may have been committed or not
 */
export async function inTransaction<T>(
  { url, settings }: { url: string; settings: Readonly<Record<string, string>> },
  work: (ask: Ask) => Promise<T>,
): Promise<T> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: patienceMs,
    query_timeout: patienceMs,
  })
  // Without a listener a server that is killed would end whoever proves it.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('BEGIN')
    for (const [name, value] of Object.entries(settings))
      await client.query('SELECT set_config($1, $2, true)', [name, value])
    const result = await work(async <Row extends object>(sql: string, values: readonly unknown[] = []) => {
      const { rows } = await client.query<Row>(sql, [...values])
      return rows
    })
    await client.query('COMMIT')
    return result
  } finally {
    await client.end().catch(() => {})
  }
}
