import { type Client, DatabaseError, escapeIdentifier, escapeLiteral } from 'pg'
import { messageOf } from '../../errors.ts'

/** Somebody who may have the ear of the database: a role, and the settings its service sends along. */
export interface Actor {
  role: string
  /** Becomes this role first, where it is another. */
  as: string
  /** Gives that role to itself first, which it may. */
  granting: boolean
  settings: readonly Setting[]
  /**
   * For whom it speaks: for its own tenant; for nobody, as on a new connection; or for a blank name, as on one that a pool took back after
   * the transaction that named somebody.
   */
  speaks: 'own' | 'nobody' | 'blank'
}

/** Name and text of a setting. */
export type Setting = readonly [name: string, text: string]

/**
 * What came of a statement. An answer is made comparable: rows in order of their text, and all that the server said. `after` is undefined
 * where nothing was asked or nothing was written.
 */
export type Outcome =
  | { refused: false; answer: string; count: number; after: string | undefined }
  | { refused: true; code: string; answer: string; constraint?: string | undefined }

export interface Attempt {
  /** One statement, or several of which all that is answered counts. */
  sql: string
  /** Done by the superuser before, such as making room for a row. */
  before?: string
  /** Asked by the superuser after, to see what the statement did: a query of one text, for nothing unless something was written. */
  after?: string
  /** Whether the statement gives back the name of a cursor, from which everything is fetched. */
  cursor?: boolean
}

/** Says one statement as an actor and takes back whatever it did. Runs inside a transaction. */
export async function attempt(client: Client, actor: Actor, tried: Attempt): Promise<Outcome> {
  const { sql, before, after, cursor } = tried
  const said: string[] = []
  const hear = ({ message, detail }: { message?: string | undefined; detail?: string | undefined }) => {
    said.push(`${message} ${detail ?? ''}`)
  }
  client.on('notice', hear)
  try {
    // In one go: thousands are tried.
    const all = resultsOf(
      await client.query(
        `SAVEPOINT attempt; ${before === undefined ? '' : `${replica(before)}; `}${become(actor)}${mark}; ${sql}; ${mark}`,
      ),
    )
    const marks = all.flatMap(({ rows: [row] }, at) =>
      row !== undefined && 'aval_mark' in row ? [{ at, written: row.aval_mark }] : [],
    )
    const [began, ended] = [marks.at(0), marks.at(-1)]
    const results = all.slice((began?.at ?? 0) + 1, ended?.at)
    if (cursor === true)
      for (const name of results.flatMap(({ rows }) => rows.flatMap(Object.values)))
        if (typeof name === 'string')
          results.push(...resultsOf(await client.query(`FETCH ALL FROM ${escapeIdentifier(name)}`)))
    const rows = results.flatMap((each) => each.rows.map((row) => JSON.stringify(row)))
    const count = Math.max(0, ...results.map(({ rowCount }) => rowCount ?? 0))
    let seen: string | undefined
    if (after !== undefined && began?.written !== ended?.written) {
      const told = resultsOf(await client.query(`SET LOCAL SESSION AUTHORIZATION DEFAULT; RESET ROLE; ${after}`))
      seen = told.flatMap(({ rows: [row] }) => (row === undefined ? [] : Object.values(row))).join(' ')
    }
    return {
      refused: false,
      answer: `${count} ${rows.toSorted().join(' ')} ${said.join(' ')}`,
      count,
      after: seen,
    }
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    const { code = '', detail = '', constraint } = error
    return { refused: true, code, constraint, answer: `${code} ${messageOf(error)} ${detail} ${said.join(' ')}` }
  } finally {
    client.off('notice', hear)
    await client.query('ROLLBACK TO attempt; RELEASE attempt')
  }
}

/** Stands before and after what an actor says, so that its answers are told from the rest, and that something was written from nothing. */
const mark = 'SELECT pg_current_wal_insert_lsn() AS aval_mark'

interface Result {
  rows: object[]
  rowCount: number | null
}

/** pg gives a list for several statements, whatever its types say. */
function resultsOf(told: unknown): Result[] {
  return (Array.isArray(told) ? told : [told]).filter(isResult)
}

function isResult(value: unknown): value is Result {
  return typeof value === 'object' && value !== null && 'rows' in value && 'rowCount' in value
}

/** Neither triggers nor foreign keys take part in what the superuser arranges. */
export function replica(sql: string): string {
  return `SET LOCAL session_replication_role = replica; ${sql}; SET LOCAL session_replication_role = origin`
}

/** Settings for the rest of the transaction, as SQL. */
export function saying(settings: readonly Setting[]): string {
  return settings
    .map(([name, text]) => `SELECT set_config(${escapeLiteral(name)}, ${escapeLiteral(text)}, true); `)
    .join('')
}

function become({ role, as, granting, settings }: Actor): string {
  const session = `SET LOCAL SESSION AUTHORIZATION ${escapeIdentifier(role)}`
  const grant = granting ? `; GRANT ${escapeIdentifier(as)} TO ${escapeIdentifier(role)}` : ''
  return `${session}${as === role ? '' : `${grant}; SET LOCAL ROLE ${escapeIdentifier(as)}`}; SET LOCAL client_min_messages = 'debug1'; ${saying(settings)}`
}
