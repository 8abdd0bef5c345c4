import { type Client, DatabaseError, escapeIdentifier } from 'pg'
import { failure } from '../../errors.ts'
import type { Table } from './table-catalog.ts'

export interface OpenOptions {
  /** `fire` leaves the application's triggers as they are; `off` keeps them still. */
  triggers: 'fire' | 'off'
  /** How long other transactions are waited for, in milliseconds. */
  waitMs: number
}

/** Shorter than the second after which Postgres looks for transactions that wait for each other, and ends one of them. */
const attemptMs = 200
const pauseMs = 100

/**
 * Takes the tables for this transaction and lets its owner see all rows of them. Row security is forced again by what is returned; a
 * transaction that ends otherwise never let go of it.
 * @throws IMPORT_NOT_OWNER, and Postgres's 55P03 when others held a table for all of the time.
 */
export async function openTables(client: Client, tables: readonly Table[], options: OpenOptions): Promise<string[]> {
  const bypass = await client.query<{ bypass: boolean }>(
    'SELECT rolsuper OR rolbypassrls AS bypass FROM pg_catalog.pg_roles WHERE rolname = current_user',
  )
  const bypasses = bypass.rows[0]?.bypass === true
  const ordered = [...tables].sort((a, b) => (a.sql < b.sql ? -1 : 1))
  const stranger = ordered.find(({ rowSecurity, owned }) => !bypasses && rowSecurity && !owned)
  if (stranger) throw failure('IMPORT_NOT_OWNER', { table: stranger.sql })
  const forced = (table: Table) => table.rowSecurity && table.forced && !bypasses
  // EXCLUSIVE keeps row locks out as well: with all tables taken, nothing that follows waits for anybody.
  const locks = ordered.map(
    (table) => `LOCK TABLE ${table.sql} IN ${forced(table) ? 'ACCESS EXCLUSIVE' : 'EXCLUSIVE'} MODE`,
  )
  await takeAll(client, locks, options.waitMs)

  const closing: string[] = []
  for (const table of ordered) {
    if (forced(table)) {
      await client.query(`ALTER TABLE ${table.sql} NO FORCE ROW LEVEL SECURITY`)
      closing.push(`ALTER TABLE ${table.sql} FORCE ROW LEVEL SECURITY`)
    }
    for (const { name, always } of options.triggers === 'off' ? table.triggers : []) {
      await client.query(`ALTER TABLE ${table.sql} DISABLE TRIGGER ${escapeIdentifier(name)}`)
      closing.push(`ALTER TABLE ${table.sql} ENABLE ${always ? 'ALWAYS ' : ''}TRIGGER ${escapeIdentifier(name)}`)
    }
  }
  return closing
}

/**
 * All locks or none: an application takes its tables in an order of its own, and who keeps one while waiting for the next may stand in
 * the way of a transaction that keeps that one. What was taken is let go after a moment, and all is tried again.
 */
async function takeAll(client: Client, locks: readonly string[], waitMs: number): Promise<void> {
  const { rows } = await client.query<{ before: string; started: string }>(
    "SELECT current_setting('lock_timeout') AS before, extract(epoch FROM clock_timestamp()) AS started",
  )
  const { before = '0', started = '0' } = rows[0] ?? {}
  for (;;) {
    await client.query(`SAVEPOINT aval_locks; SET LOCAL lock_timeout = ${attemptMs}`)
    try {
      for (const lock of locks) await client.query(lock)
      await client.query('RELEASE SAVEPOINT aval_locks')
      await client.query("SELECT set_config('lock_timeout', $1, true)", [before])
      return
    } catch (error) {
      // 55P03: not got in time. 40P01: Postgres looks earlier than usual, and took us.
      if (!(error instanceof DatabaseError) || (error.code !== '55P03' && error.code !== '40P01')) throw error
      await client.query('ROLLBACK TO SAVEPOINT aval_locks; RELEASE SAVEPOINT aval_locks')
      const waited = await client.query<{ ms: number }>(
        'SELECT 1000 * (extract(epoch FROM clock_timestamp()) - $1::numeric)::float8 AS ms, pg_catalog.pg_sleep($2)',
        [started, pauseMs / 1000],
      )
      if ((waited.rows[0]?.ms ?? waitMs) >= waitMs) throw error
    }
  }
}
