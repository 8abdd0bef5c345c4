import type { Client } from 'pg'
import type { Clock } from '../clock.ts'
import { connect } from '../postgres/connection.ts'
import { beat, type Mark } from './heartbeat.ts'

export interface Heart {
  /** Beats now. */
  beat(): Promise<Mark>
  stop(): Promise<void>
}

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
  let client: Client | undefined
  let queue: Promise<unknown> = Promise.resolve()

  const once = async (): Promise<Mark> => {
    try {
      client ??= await connect(options.url)
      const mark = await beat(client)
      options.onMark(mark)
      return mark
    } catch (error) {
      await client?.end().catch(() => undefined)
      client = undefined
      throw error
    }
  }
  /** One at a time: a connection runs one statement, and marks must come in their order. */
  const beatNow = (): Promise<Mark> => {
    const next = queue.then(once)
    queue = next.catch(() => undefined)
    return next
  }
  const loop = async () => {
    while (!stopping.signal.aborted) {
      await beatNow().catch(() => undefined)
      await options.clock.sleep(options.everyMs, stopping.signal).catch(() => undefined)
    }
  }
  const looping = options.everyMs > 0 ? loop() : Promise.resolve()
  return {
    beat: beatNow,
    stop: async () => {
      stopping.abort()
      await looping
      await queue
      await client?.end().catch(() => undefined)
    },
  }
}
