import type { Clock } from '../../clock.ts'
import type { Telemetry } from '../../plan/telemetry.ts'
import type { SampleSink } from '../series.ts'
import { allowList } from './allow-list.ts'
import type { Target } from './reading.ts'
import { scrapedTarget } from './scrape-target.ts'

/** Scraping that goes on until it is stopped. */
export interface Scraping {
  /** Ends when the signal stopped it and every scrape that was under way is over; rejects when the sink fails. */
  done: Promise<void>
}

/**
 * Scrapes every target at its interval until the signal stops it. The targets are spread over the interval and keep their place in it:
 * a slow one leaves rounds out rather than be read twice at once, and holds up no other.
 * @param telemetry the allow-list of the plan, applied to all that Aval did not name itself.
 * @param onTrouble told why a target gave nothing.
 * @param onAnswer told that a target gave something.
 */
export function startScraping(options: {
  targets: readonly Target[]
  sink: SampleSink
  telemetry: Telemetry
  clock: Clock
  signal: AbortSignal
  onTrouble?: (target: Target, error: unknown) => void
  onAnswer?: (target: Target) => void
}): Scraping {
  const { targets, sink, clock, telemetry, onTrouble, onAnswer } = options
  const admit = allowList(telemetry)
  const startMs = clock.now()
  // One that cannot go on, as when the disk is full, stops them all.
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const loops = targets.map(async (target, index) => {
    const scraped = scrapedTarget({ target, sink, admit, clock, onTrouble, onAnswer })
    const offsetMs = Math.floor((target.everyMs * index) / targets.length)
    try {
      for (let round = 0; ; ) {
        await clock.sleep(Math.max(0, startMs + offsetMs + round * target.everyMs - clock.now()), signal)
        await scraped.scrape(signal)
        if (signal.aborted) return
        round = Math.max(round + 1, Math.ceil((clock.now() - startMs - offsetMs) / target.everyMs))
      }
    } catch (error) {
      if (options.signal.aborted || failed.signal.aborted) return
      failed.abort(error)
      throw error
    }
  })
  return {
    done: Promise.allSettled(loops).then((ends) => {
      const broken = ends.find((end) => end.status === 'rejected')
      if (broken) throw broken.reason
    }),
  }
}
