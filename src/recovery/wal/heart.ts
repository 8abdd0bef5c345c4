import type { Clock } from '../../clock.ts'
import { beat, type Mark } from './heartbeat.ts'
import { patientClient } from './patient-client.ts'

export interface Heart {
  /** Beats now. */
  beat(): Promise<Mark>
  stop(): Promise<void>
}

const answerMs = 5_000

/**
 * Commits a heartbeat every `everyMs`, over one connection that is made again when it breaks. An outage is not reported here:
 * whoever streams WAL from the same server meets it as well.
 * @param options.everyMs 0 beats only when asked.
 */
export function startHeart(options: {
  url: string
  clock: Clock
  everyMs: number
  onMark: (mark: Mark) => void
}): Heart {
  const stopping = new AbortController()
  const client = patientClient(options.url, answerMs)
  /** One at a time: marks must come in their order. */
  const beatNow = async (): Promise<Mark> => {
    const mark = await client.run(beat)
    options.onMark(mark)
    return mark
  }
  const loop = async () => {
    while (!stopping.signal.aborted) {
      await beatNow().catch(() => undefined)
      await options.clock.sleep(options.everyMs, stopping.signal).catch(() => undefined)
    }
  }
  const looping = options.everyMs > 0 ? loop() : undefined
  return {
    beat: beatNow,
    stop: async () => {
      stopping.abort()
      await client.end()
      await looping
    },
  }
}
