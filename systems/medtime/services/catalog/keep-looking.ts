import { errorCode, type Log } from '../api/http/log.ts'
import type { Source } from '../catalog-import/source.ts'
import type { CatalogMetrics } from './catalog-metrics.ts'
import { type Duty, type Look, owedAt } from './duties.ts'

export interface LookingParts {
  duties: () => Promise<readonly Duty[]>
  look: (source: Source) => Promise<Look | undefined>
  metrics: CatalogMetrics
  log: Log
  now: () => number
  /** Aborted when the service ends. */
  signal: AbortSignal
}

export interface Looking {
  /** Whether the first source, the starter catalog, was looked at: then what every installation has is there. */
  begun(): boolean
  /** Resolves when no look is under way any more; what was not finished is due as before. */
  stop(): Promise<void>
}

/** How often an instance looks whether a source is due; what was missed is found at the start. */
const everyMs = 60_000

/** Looks after the sources for as long as the service runs, one after the other. One that fails holds up no other. */
export function keepLooking({ duties, look, metrics, log, now, signal }: LookingParts): Looking {
  let running: Promise<void> | undefined
  let begun = false
  const tell = (job: string, started: number, done: Look | undefined) => {
    if (done === undefined) return
    const duration_ms = now() - started
    if (done.outcome === 'failed') log.error({ event: 'job_failed', job, error_code: done.code, duration_ms })
    else {
      const { added, changed, removed } = done.summary
      log.info({ event: 'job_done', job, count: added + changed + removed, duration_ms })
    }
  }
  const lookAt = async (source: Source) => {
    const started = now()
    const done = await look(source)
    if (done !== undefined) metrics.look(source, done.outcome)
    tell(`catalog-${source}`, started, done)
  }
  const turn = async () => {
    try {
      for (const { source } of await duties()) {
        if (signal.aborted) return
        await lookAt(source).catch((thrown: unknown) => {
          if (!signal.aborted)
            log.error({ event: 'job_failed', job: `catalog-${source}`, error_code: errorCode(thrown) })
        })
        begun = true
      }
      for (const duty of await duties()) {
        metrics.overdue(duty.source, Math.max(0, now() - owedAt(duty).getTime()) / 1_000)
      }
    } catch (thrown) {
      if (!signal.aborted) log.error({ event: 'failed', error_code: errorCode(thrown) })
    }
  }
  const once = () => {
    running ??= turn().finally(() => {
      running = undefined
    })
    return running
  }
  void once()
  const timer = setInterval(() => void once(), everyMs).unref()
  return {
    begun: () => begun,
    stop: async () => {
      clearInterval(timer)
      await running
    },
  }
}
