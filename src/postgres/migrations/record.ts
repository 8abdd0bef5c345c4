import type { Client } from 'pg'

/*
 * What a database knows of its migrations: the table aval.migrations, in a schema of its own that belongs to the owner of the
 * migrations. A row is written in the same transaction as what it tells of, where there is one.
 */

/** A migration as the database remembers it. */
export interface MigrationRecord {
  id: string
  name: string
  /** Of the whole file when it was last run. */
  checksum: string
  state: 'started' | 'applied'
  /** Statements of the file that are done. */
  done: number
  /** Of the text of those statements: they are history, the rest of the file may still be mended. */
  doneChecksum: string
  /** Statement that runs outside a transaction and was begun; whether it ended nobody has recorded. */
  underway: number | null
  /** Milliseconds since 1970; null while `started`. */
  appliedAt: number | null
}

export async function ensureTable(client: Client): Promise<void> {
  await client.query(`
    CREATE SCHEMA IF NOT EXISTS aval;
    CREATE TABLE IF NOT EXISTS aval.migrations (
      id text PRIMARY KEY,
      name text NOT NULL,
      checksum text NOT NULL,
      state text NOT NULL CHECK (state IN ('started', 'applied')),
      done integer NOT NULL,
      done_checksum text NOT NULL,
      underway integer,
      started_at timestamptz NOT NULL,
      applied_at timestamptz,
      CHECK ((state = 'applied') = (applied_at IS NOT NULL)),
      CHECK (underway IS NULL OR state = 'started')
    )`)
}

/** Every record, oldest id first; none in a database that was never migrated, which this leaves as it is. */
export async function readRecords(client: Client): Promise<Map<string, MigrationRecord>> {
  const { rows: tables } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('aval.migrations') IS NOT NULL AS there",
  )
  if (tables[0]?.there !== true) return new Map()
  const { rows } = await client.query<MigrationRecord>(`
    SELECT id, name, checksum, state, done, done_checksum AS "doneChecksum", underway,
           extract(epoch FROM applied_at)::float8 * 1000 AS "appliedAt"
    FROM aval.migrations ORDER BY id`)
  return new Map(rows.map((row) => [row.id, row]))
}

/** @param now milliseconds since 1970, of the caller's clock */
export async function writeRecord(
  client: Client,
  record: Omit<MigrationRecord, 'appliedAt'>,
  now: number,
): Promise<void> {
  await client.query(
    `INSERT INTO aval.migrations (id, name, checksum, state, done, done_checksum, underway, started_at, applied_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN $4 = 'applied' THEN $8::timestamptz END)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, checksum = excluded.checksum, state = excluded.state,
       done = excluded.done, done_checksum = excluded.done_checksum, underway = excluded.underway,
       applied_at = excluded.applied_at`,
    [
      record.id,
      record.name,
      record.checksum,
      record.state,
      record.done,
      record.doneChecksum,
      record.underway,
      new Date(now).toISOString(),
    ],
  )
}
