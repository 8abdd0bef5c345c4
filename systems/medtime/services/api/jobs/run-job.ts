import { Cron } from 'croner'
import type { Database } from '../database.ts'
import type { Job } from './job.ts'

export type JobOutcome = { outcome: 'done'; count: number } | { outcome: 'not-due' | 'elsewhere' }

interface Noted {
  done_at: Date
}

/** Whether a time of the job lies after it was last done and not after now. Of several that were missed one is made up for. */
export function isDue({ schedule }: Pick<Job, 'schedule'>, doneAt: Date, now: Date): boolean {
  const next = new Cron(schedule, { timezone: 'UTC', paused: true }).nextRun(doneAt)
  return next !== null && next <= now
}

/**
 * Does a job when it is due. A lock that lasts as long as its transaction keeps every other instance from it, also while this one
 * hangs, and goes with the connection when it dies; pools that share connections by transaction let it work. A job nobody knows yet
 * is noted and waits for its first time.
 * @throws what the job throws; it stays due
 */
export async function runJob(job: Job, database: Database, now: () => number): Promise<JobOutcome> {
  return database.transaction(null, async (run) => {
    const at = new Date(now())
    const [known] = await run<Noted>('job-known', 'SELECT done_at FROM public.srv_jobs WHERE name = $1', [job.name])
    if (known === undefined) {
      await run('job-new', 'INSERT INTO public.srv_jobs (name, done_at) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        job.name,
        at,
      ])
      return { outcome: 'not-due' }
    }
    if (!isDue(job, known.done_at, at)) return { outcome: 'not-due' }
    const [lock] = await run<{ held: boolean }>(
      'job-lock',
      `SELECT pg_try_advisory_xact_lock(hashtextextended('medtime job ' || $1, 0)) AS held`,
      [job.name],
    )
    if (lock?.held !== true) return { outcome: 'elsewhere' }
    // Between the look and the lock another instance may have done it.
    const [since] = await run<Noted>('job-known', 'SELECT done_at FROM public.srv_jobs WHERE name = $1', [job.name])
    if (since === undefined || !isDue(job, since.done_at, at)) return { outcome: 'not-due' }
    const count = await job.work({ run, database, now: at })
    await run('job-done', 'UPDATE public.srv_jobs SET done_at = $2 WHERE name = $1', [job.name, at])
    return { outcome: 'done', count }
  })
}
