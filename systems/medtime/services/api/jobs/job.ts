import type { Database, Run } from '../database.ts'

export interface JobContext {
  /** For a job of one or a few quick statements: inside the transaction that holds the lock, so that it is done and noted at once. */
  run: Run
  /** For a longer one: transactions of its own. What it did stays when it fails later, and it is begun again. */
  database: Database
  now: Date
}

/** Work that nobody asks for: done by one instance at a time, at its times, and made up for when they were missed. */
export interface Job {
  /** As it is noted in `srv_jobs`; small letters and hyphens. */
  name: string
  /** When, as cron writes it, in UTC. */
  schedule: string
  /** Bears to be done again. @returns how many rows it concerned */
  work(context: JobContext): Promise<number>
}
