import { Client } from 'pg'

export type Ask = <Row extends object>(sql: string, values?: readonly unknown[]) => Promise<Row[]>

/** Where a role reaches the database, asked anew for every use: after a recovery it may be elsewhere. */
export type Door = () => string

const patienceMs = 10_000

/**
 * One transaction on a connection of its own, as a request of the API or a job of a worker: it names its tenant first. What it resolves with was committed.
 * @param tenant undefined for nobody's: then nothing is seen but by the owner
 * @throws the error of the server, or of a connection that broke: then it may have been committed or not
 */
export async function asTenant<T>(door: Door, tenant: string | undefined, work: (ask: Ask) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: door(),
    connectionTimeoutMillis: patienceMs,
    query_timeout: patienceMs,
  })
  // Without a listener a server that is killed would end whoever proves it.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('BEGIN')
    if (tenant !== undefined) await client.query("SELECT set_config('app.current_tenant', $1, true)", [tenant])
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

/** SQLSTATE of what the server refused; undefined where it was no refusal. */
export function refusal(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)
    ? error.code
    : undefined
}
