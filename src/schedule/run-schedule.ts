import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import { dueTime } from './due.ts'
import type { Job } from './job.ts'
import type { Journal } from './journal.ts'

/** How often is looked what is due. A clock that is stepped, or a machine that slept, is noticed within it. */
const lookEveryMs = 15_000
/** Before a time that failed is tried again; longer with each failure. */
const retryAfterMs = 300_000

export interface ScheduleOptions {
  jobs: readonly Job[]
  journal: Journal
  clock: Clock
  /** Runs a command of Aval and resolves with its exit code. Ends it when the signal is aborted. */
  run(command: readonly string[], signal: AbortSignal): Promise<number>
  log(line: string): void
  lookEveryMs?: number
}

export interface Schedule {
  /** Ends what runs, which the next start begins again, and resolves once it has ended. */
  stop(): Promise<void>
}

/**
 * Runs each job once for each of its times, for as long as it is not stopped. Jobs of one lane wait for each other. A failure is
 * told and tried again twice; it never ends the schedule.
 */
export function startSchedule(options: ScheduleOptions): Schedule {
  const { jobs, journal } = options
  const ending = new AbortController()
  // Seen now, so that what comes round while another job runs counts as missed.
  for (const { name } of jobs) journal.history(name)
  const lanes = [...new Set(jobs.map(({ lane }) => lane))].map((lane) =>
    runLane(
      jobs.filter((job) => job.lane === lane),
      options,
      ending.signal,
    ),
  )
  return {
    stop: async () => {
      ending.abort()
      await Promise.all(lanes)
    },
  }
}

async function runLane(jobs: readonly Job[], options: ScheduleOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options
  const notBefore = new Map<string, number>()
  while (!signal.aborted) {
    for (const job of jobs) {
      if (signal.aborted) return
      if ((notBefore.get(job.name) ?? Number.NEGATIVE_INFINITY) > clock.now()) continue
      try {
        const failures = await runIfDue(job, options, signal)
        if (failures === 0) notBefore.delete(job.name)
        else notBefore.set(job.name, clock.now() + failures * retryAfterMs)
      } catch (error) {
        // A journal that cannot be written must not end the schedule: the disk may have room again.
        log(`${job.name} | ${messageOf(error)}`)
        notBefore.set(job.name, clock.now() + retryAfterMs)
      }
    }
    await clock.sleep(options.lookEveryMs ?? lookEveryMs, signal).catch(() => undefined)
  }
}

/** @returns how often the time that is due has failed by now; 0 when nothing is left to do. */
async function runIfDue(job: Job, options: ScheduleOptions, signal: AbortSignal): Promise<number> {
  const { journal, clock, log } = options
  const time = dueTime(job.rounds, journal.history(job.name), clock.now())
  if (time === undefined || journal.claim(job.name, time) !== 'claimed') return 0
  const late = clock.now() - time
  log(`${job.name} | begins${late > 60_000 ? `, ${Math.round(late / 60_000)} min late` : ''}`)
  for (const command of job.commands) {
    const exit = await options.run(command, signal)
    // What was broken off was not done; it stays claimed by a process that is gone, and the next start begins it again.
    if (signal.aborted) return 0
    if (exit === 0) continue
    journal.settle(job.name, time, exit)
    const attempts = journal.latest().get(job.name)?.attempts ?? 1
    log(`${job.name} | \`aval ${command.join(' ')}\` ended with ${exit}, attempt ${attempts}`)
    return attempts
  }
  journal.settle(job.name, time, 0)
  log(`${job.name} | done`)
  return 0
}
