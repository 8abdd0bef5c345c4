import { runIn } from 'aval/telemetry'
import type { Database } from '../database.ts'
import { errorCode, type Log } from '../http/log.ts'
import type { ServiceTracer } from '../http/service-telemetry.ts'
import type { Job } from './job.ts'
import { runJob } from './run-job.ts'

export interface JobsParts {
  jobs: readonly Job[]
  database: Database
  log: Log
  now: () => number
  /** Each job that is done gets a span. */
  tracer: ServiceTracer
}

export interface RunningJobs {
  /** Looks at every job once, one after the other. */
  turn(): Promise<void>
  /** No further turn begins; resolves when the one that runs is over. */
  stop(): Promise<void>
}

/** How often an instance looks whether a job is due; one that failed is tried again as often. */
const everyMs = 60_000

/** Looks after the jobs for as long as the service runs. One that fails holds up no other. */
export function keepRunning({ jobs, database, log, now, tracer }: JobsParts): RunningJobs {
  let running: Promise<void> | undefined
  let stopped = false
  const turn = async () => {
    for (const job of jobs) {
      if (stopped) return
      const started = now()
      const span = tracer.begin('job', 'internal')
      try {
        const result = await runIn(span.context, () => runJob(job, database, now))
        if (result.outcome !== 'done') continue
        span.end({ job: job.name })
        log.info({ event: 'job_done', job: job.name, count: result.count, duration_ms: now() - started })
      } catch (thrown) {
        span.end({ job: job.name }, true)
        log.error({ event: 'job_failed', job: job.name, error_code: errorCode(thrown) }, thrown)
      }
    }
  }
  const once = () => {
    running ??= turn().finally(() => {
      running = undefined
    })
    return running
  }
  const timer = setInterval(() => void once(), everyMs).unref()
  return {
    turn: once,
    stop: async () => {
      stopped = true
      clearInterval(timer)
      await running
    },
  }
}
