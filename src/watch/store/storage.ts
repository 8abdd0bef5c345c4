import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { failure } from '../../errors.ts'
import { markAlive, processMark } from '../../process.ts'
import { whileLocked } from '../../synced-file.ts'

/*
 * `series.db`: what is older than about an hour lies in chunks, one a series and hour; what is newer in the journal, one row an
 * appending, which is on the disk before it is acknowledged. Series that are scraped together share their moments, so these are
 * kept once beside the chunks. A chunk takes the place of its journal rows in one transaction: a kill loses neither.
 */

const schema = `
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY AUTOINCREMENT, labels TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS moments (id INTEGER PRIMARY KEY AUTOINCREMENT, until INTEGER NOT NULL, packed BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS chunks (
  series INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, moments INTEGER NOT NULL, packed BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS chunks_of_series ON chunks (series, until);
CREATE TABLE IF NOT EXISTS journal (id INTEGER PRIMARY KEY AUTOINCREMENT, record BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS ends (id INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS progress (rounds INTEGER NOT NULL, until INTEGER NOT NULL) STRICT;
INSERT INTO progress SELECT 0, -9007199254740991 WHERE NOT EXISTS (SELECT 1 FROM progress);
CREATE TABLE IF NOT EXISTS writer (pid INTEGER NOT NULL, started TEXT) STRICT;
`
const writerSchema = z.object({ pid: z.int().positive(), started: z.string().nullable() })
const busyMs = 10_000

export function seriesFile(directory: string): string {
  return join(directory, 'series.db')
}

/**
 * Opens the file for the one process that writes it, making it when it is not there.
 * @throws SERIES_STORE_HELD naming the process that has it open for writing.
 */
export function openToWrite(directory: string): DatabaseSync {
  mkdirSync(directory, { recursive: true, mode: 0o711 })
  const database = new DatabaseSync(seriesFile(directory), { timeout: busyMs })
  try {
    // Larger pages waste less of what a chunk leaves over.
    database.exec('PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    database.exec('PRAGMA journal_size_limit = 16777216; PRAGMA wal_autocheckpoint = 256')
    whileLocked(database, () => {
      database.exec(schema)
      const row = database.prepare('SELECT pid, started FROM writer').get()
      const writer = row === undefined ? undefined : writerSchema.parse(row)
      if (writer && markAlive(writer)) throw failure('SERIES_STORE_HELD', { directory, pid: writer.pid })
      database.exec('DELETE FROM writer')
      const own = processMark(process.pid)
      database.prepare('INSERT INTO writer (pid, started) VALUES (?, ?)').run(own.pid, own.started)
    })
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** @throws SERIES_STORE_MISSING when nothing was ever written there. */
export function openToRead(directory: string): DatabaseSync {
  if (!existsSync(seriesFile(directory))) throw failure('SERIES_STORE_MISSING', { directory })
  const database = new DatabaseSync(seriesFile(directory), { timeout: busyMs, readOnly: true })
  if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'writer'").get()) return database
  database.close()
  throw failure('SERIES_STORE_MISSING', { directory })
}

/** Number of the process that writes the file now; undefined where none lives. @throws SERIES_STORE_MISSING */
export function writerOf(directory: string): number | undefined {
  const database = openToRead(directory)
  try {
    const row = database.prepare('SELECT pid, started FROM writer').get()
    const writer = row === undefined ? undefined : writerSchema.parse(row)
    return writer !== undefined && markAlive(writer) ? writer.pid : undefined
  } finally {
    database.close()
  }
}

export function letGo(database: DatabaseSync): void {
  database.exec('DELETE FROM writer')
  database.close()
}
