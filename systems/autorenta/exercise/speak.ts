import { Client } from 'pg'

/** For whom a connection speaks. */
export interface Speaker {
  /** URL of the role, asked anew for every use. */
  url(): string
  /** Id of the signed-in person; without it nobody is signed in. */
  person?: string
}

export type Ask = <Row extends object>(sql: string, values?: readonly unknown[]) => Promise<Row[]>

const patienceMs = 10_000

/**
 * One transaction on a connection of its own, as PostgREST makes it: in the role, with the claims of the person. What it resolves with
 * was committed.
 * @throws the error of the server, or of a connection that broke: then it may have been committed or not
 */
export async function speak<T>({ url, person }: Speaker, work: (ask: Ask) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: url(),
    connectionTimeoutMillis: patienceMs,
    query_timeout: patienceMs,
  })
  // Without a listener a server that is killed would end whoever proves it.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('begin')
    if (person !== undefined) {
      const claims = JSON.stringify({ sub: person, role: 'authenticated' })
      await client.query("select set_config('request.jwt.claims', $1, true)", [claims])
    }
    const result = await work(async <Row extends object>(sql: string, values: readonly unknown[] = []) => {
      const { rows } = await client.query<Row>(sql, [...values])
      return rows
    })
    await client.query('commit')
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
