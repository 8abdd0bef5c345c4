import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { failure } from '../errors.ts'
import { markAlive, processMark } from '../process.ts'
import { whileLocked } from '../synced-file.ts'
import type { JobHistory } from './due.ts'

/*
 * What was run for which time, in `schedule.db` beside the data of the system. A run is claimed before it begins and settled
 * when it ended, both in a transaction: two Avals never run one time of a job at once, and what a killed one had begun is begun
 * again by the next.
 */

/** After so many failures in a row a time is given up; the next one comes. */
export const attemptsAtMost = 3

const runSchema = z.object({
  job: z.string(),
  time: z.int(),
  attempts: z.int(),
  pid: z.int().nullable(),
  started: z.string().nullable(),
  beganAt: z.int(),
  endedAt: z.int().nullable(),
  exit: z.int().nullable(),
})

export type ScheduledRun = z.infer<typeof runSchema>

export type Claim = 'claimed' | 'settled' | 'running'

export interface Journal {
  /** What is known of a job; makes it known when it was not. */
  history(job: string): JobHistory
  /** Takes a time of a job for this process. */
  claim(job: string, time: number): Claim
  /** @param exit exit code of the command that ended it; 0 when all went well. */
  settle(job: string, time: number, exit: number): void
  /** The last run of every job, by name. */
  latest(): Map<string, ScheduledRun>
  /** How often each job failed, ever; a run that was cut off and begun again counts. */
  failures(): Map<string, number>
  close(): void
}

/** @throws SCHEDULE_UNREADABLE */
export function openJournal(directory: string, clock: Clock): Journal {
  const file = join(directory, 'schedule.db')
  mkdirSync(directory, { recursive: true, mode: 0o711 })
  const database = new DatabaseSync(file, { timeout: 10_000 })
  try {
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      CREATE TABLE IF NOT EXISTS jobs (job TEXT PRIMARY KEY, firstSeen INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS runs (
        job TEXT NOT NULL, time INTEGER NOT NULL, attempts INTEGER NOT NULL, pid INTEGER, started TEXT,
        beganAt INTEGER NOT NULL, endedAt INTEGER, exit INTEGER, PRIMARY KEY (job, time)
      ) STRICT;`)
  } catch (cause) {
    database.close()
    throw failure('SCHEDULE_UNREADABLE', { file }, { cause })
  }
  const find = (job: string, time: number): ScheduledRun | undefined => {
    const row = database.prepare('SELECT * FROM runs WHERE job = ? AND time = ?').get(job, time)
    return row === undefined ? undefined : runSchema.parse(row)
  }

  return {
    history: (job) =>
      whileLocked(database, () => {
        database.prepare('INSERT OR IGNORE INTO jobs (job, firstSeen) VALUES (?, ?)').run(job, clock.now())
        const seen = database.prepare('SELECT firstSeen FROM jobs WHERE job = ?').get(job)
        const settled = database
          .prepare(
            'SELECT max(time) AS time FROM runs WHERE job = ? AND (exit = 0 OR (exit IS NOT NULL AND attempts >= ?))',
          )
          .get(job, attemptsAtMost)
        return {
          firstSeen: z.object({ firstSeen: z.int() }).parse(seen).firstSeen,
          settled: z.object({ time: z.int().nullable() }).parse(settled).time ?? undefined,
        }
      }),
    claim: (job, time) =>
      whileLocked(database, () => {
        const before = find(job, time)
        if (before && before.exit !== null && (before.exit === 0 || before.attempts >= attemptsAtMost)) return 'settled'
        if (before?.pid != null && markAlive({ pid: before.pid, started: before.started })) return 'running'
        const own = processMark(process.pid)
        database
          .prepare(
            `INSERT INTO runs (job, time, attempts, pid, started, beganAt) VALUES (?, ?, 1, ?, ?, ?)
             ON CONFLICT (job, time) DO UPDATE SET attempts = attempts + 1, pid = excluded.pid,
               started = excluded.started, beganAt = excluded.beganAt, endedAt = NULL, exit = NULL`,
          )
          .run(job, time, own.pid, own.started, clock.now())
        return 'claimed'
      }),
    settle: (job, time, exit) => {
      whileLocked(database, () => {
        database
          .prepare('UPDATE runs SET endedAt = ?, exit = ?, pid = NULL, started = NULL WHERE job = ? AND time = ?')
          .run(clock.now(), exit, job, time)
      })
    },
    latest: () => {
      const rows = database
        .prepare('SELECT * FROM runs r WHERE time = (SELECT max(time) FROM runs WHERE job = r.job)')
        .all()
      return new Map(
        z
          .array(runSchema)
          .parse(rows)
          .map((run) => [run.job, run]),
      )
    },
    failures: () => {
      const rows = database
        .prepare('SELECT job, sum(attempts - (exit IS NULL OR exit = 0)) AS failures FROM runs GROUP BY job')
        .all()
      const failed = z.array(z.object({ job: z.string(), failures: z.int() })).parse(rows)
      return new Map(failed.map(({ job, failures }) => [job, failures]))
    },
    close: () => database.close(),
  }
}
