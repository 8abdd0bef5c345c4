import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { type Clock, timestamp } from '../clock.ts'
import { failure } from '../errors.ts'
import { markAlive, type ProcessMark, processMark } from '../process.ts'

/*
 * One Aval at a time owns an environment's directory. The owner stands as a row in `owner.db`; SQLite's own lock, which the
 * operating system drops with the process, makes reading and taking over one step, so that of two that find a dead owner
 * only one follows it. Between owners the table is empty.
 */

const ownerSchema = z.object({ pid: z.int().positive(), started: z.string().nullable(), since: z.string() })

export interface OwnerLock {
  /** True when the owner before died without letting go. */
  tookOver: boolean
  release(): void
}

/** @throws ENVIRONMENT_IN_USE naming the process that holds the directory. */
export function lockDirectory(directory: string, system: string, clock: Clock): OwnerLock {
  // Others may pass through, since as root the database below runs as another account; they may not list it.
  mkdirSync(directory, { recursive: true, mode: 0o711 })
  const own = processMark(process.pid)
  const before = exchange(directory, (owner) => {
    if (owner && markAlive(owner)) {
      throw failure('ENVIRONMENT_IN_USE', { system, directory, pid: owner.pid, since: owner.since })
    }
    return { ...own, since: timestamp(clock.now()) }
  })
  return {
    tookOver: before !== undefined,
    release: () => {
      // A directory that was removed took the lock with it.
      if (!existsSync(join(directory, 'owner.db'))) return
      exchange(directory, (owner) => (owner && sameMark(owner, own) ? undefined : owner))
    },
  }
}

type Owner = z.infer<typeof ownerSchema>

/** Replaces the owner by what `next` makes of it, in one transaction. Returns the owner before. */
function exchange(directory: string, next: (owner: Owner | undefined) => Owner | undefined): Owner | undefined {
  const database = new DatabaseSync(join(directory, 'owner.db'), { timeout: 10_000 })
  try {
    database.exec('BEGIN EXCLUSIVE')
    database.exec('CREATE TABLE IF NOT EXISTS owner (pid INTEGER, started TEXT, since TEXT)')
    const row = database.prepare('SELECT pid, started, since FROM owner').get()
    const before = row === undefined ? undefined : ownerSchema.parse(row)
    const after = next(before)
    database.exec('DELETE FROM owner')
    if (after) {
      database
        .prepare('INSERT INTO owner (pid, started, since) VALUES (?, ?, ?)')
        .run(after.pid, after.started, after.since)
    }
    database.exec('COMMIT')
    return before
  } finally {
    // Closing rolls back whatever is still open.
    database.close()
  }
}

function sameMark(a: ProcessMark, b: ProcessMark): boolean {
  return a.pid === b.pid && a.started === b.started
}
