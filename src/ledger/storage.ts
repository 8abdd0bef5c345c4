import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { LedgerRecord } from './record.ts'

/*
 * The file of records: SQLite with a write-ahead log, every commit synced. The triggers keep accidents away; what stands
 * against intent is the chain, its signatures and the head. There is no index: every reading walks the chain anyway, and an index
 * that was tampered with would answer beside it.
 */

const schema = `
CREATE TABLE IF NOT EXISTS records (
  sequence  INTEGER PRIMARY KEY,
  kind      TEXT NOT NULL,
  at        TEXT NOT NULL,
  body      TEXT NOT NULL,
  previous  TEXT NOT NULL,
  hash      TEXT NOT NULL,
  signature TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS records_are_not_edited BEFORE UPDATE ON records
  BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER IF NOT EXISTS records_are_not_removed BEFORE DELETE ON records
  BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
`
const columns = 'sequence, kind, at, body, previous, hash, signature'
const busyMs = 60_000

export function ledgerFile(directory: string): string {
  return join(directory, 'ledger.db')
}

export function ledgerExists(directory: string): boolean {
  return existsSync(ledgerFile(directory))
}

/** Opens the file for appending, making it when it is not there; the table is `prepareTable`'s, under the write lock. */
export function openForAppend(directory: string): DatabaseSync {
  const database = new DatabaseSync(ledgerFile(directory), { timeout: busyMs })
  const deadline = Date.now() + busyMs
  for (;;) {
    try {
      database.exec('PRAGMA journal_mode = WAL')
      break
    } catch (error) {
      // Changing the journal does not wait for another process that does the same; SQLite answers "busy" at once.
      if (!isBusy(error) || Date.now() > deadline) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
  database.exec('PRAGMA synchronous = FULL')
  return database
}

export function openForReading(directory: string): DatabaseSync {
  return new DatabaseSync(ledgerFile(directory), { timeout: busyMs, readOnly: true })
}

export function hasTable(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'records'").get() !== undefined
}

export function prepareTable(database: DatabaseSync): void {
  database.exec(schema)
}

/** Rows as they lie there, in the order of their numbers; what they hold is an input to be parsed. */
export function rowsFrom(database: DatabaseSync, sequence: number): Iterable<unknown> {
  return database.prepare(`SELECT ${columns} FROM records WHERE sequence >= ? ORDER BY sequence`).iterate(sequence)
}

export function everyRow(database: DatabaseSync): Iterable<unknown> {
  return database.prepare(`SELECT ${columns} FROM records ORDER BY sequence`).iterate()
}

export function insertRow(database: DatabaseSync, record: LedgerRecord): void {
  database
    .prepare(`INSERT INTO records (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`)
    .run(record.sequence, record.kind, record.at, record.body, record.previous, record.hash, record.signature)
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === 5
  )
}
