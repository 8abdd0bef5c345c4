import { type Client, DatabaseError, escapeIdentifier } from 'pg'

/** Somebody who may have the ear of the database: a role, and the settings its service sends along. */
export interface Actor {
  role: string
  /** Becomes this role first, where it is another. */
  as: string
  settings: readonly (readonly [string, string])[]
}

/** What came of a statement. An answer is made comparable: rows in order of their text. */
export type Outcome =
  | { refused: false; answer: string; count: number; after: string }
  | { refused: true; code: string; answer: string }

export interface Attempt {
  sql: string
  values?: readonly (string | null)[]
  /** Done by the superuser before, such as making room for a row. */
  before?: string
  /** Asked by the superuser after, to see what the statement did. */
  after?: string
}

/** Says one statement as an actor and takes back whatever it did. Runs inside a transaction. */
export async function attempt(client: Client, actor: Actor, { sql, values, before, after }: Attempt): Promise<Outcome> {
  await client.query(`SAVEPOINT attempt; ${before === undefined ? '' : `${replica(before)};`} ${become(actor)}`)
  for (const [setting, text] of actor.settings) await client.query('SELECT set_config($1, $2, true)', [setting, text])
  try {
    const result: unknown =
      values === undefined
        ? await client.query(sql)
        : await client.query({ text: sql, values: [...values], rowMode: 'array' })
    const all = (Array.isArray(result) ? result : [result]).filter(isResult)
    const rows = all.flatMap((each) => each.rows.map((row) => JSON.stringify(row)))
    const count = Math.max(0, ...all.map(({ rowCount }) => rowCount ?? 0))
    let seen = ''
    if (after !== undefined) {
      await client.query('SET LOCAL SESSION AUTHORIZATION DEFAULT; RESET ROLE')
      const told = await client.query<{ seen: string }>(after)
      seen = told.rows.map((row) => row.seen).join(' ')
    }
    return { refused: false, answer: `${count} ${rows.toSorted().join(' ')}`, count, after: seen }
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    return { refused: true, code: error.code ?? '', answer: `${error.code} ${error.message} ${error.detail ?? ''}` }
  } finally {
    await client.query('ROLLBACK TO attempt; RELEASE attempt')
  }
}

interface Result {
  rows: unknown[]
  rowCount: number | null
}

function isResult(value: unknown): value is Result {
  return typeof value === 'object' && value !== null && 'rows' in value && 'rowCount' in value
}

/** Neither triggers nor foreign keys take part in what the superuser arranges. */
export function replica(sql: string): string {
  return `SET LOCAL session_replication_role = replica; ${sql}; SET LOCAL session_replication_role = origin`
}

function become({ role, as }: Actor): string {
  const session = `SET LOCAL SESSION AUTHORIZATION ${escapeIdentifier(role)}`
  return as === role ? session : `${session}; SET LOCAL ROLE ${escapeIdentifier(as)}`
}
