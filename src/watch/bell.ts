import type { Clock } from '../clock.ts'

/** Lets one part hurry another that would sleep on. */
export interface Bell {
  ring(): void
  /** Ends at the first ring since the last wait, or after `ms`; rejects when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export function bell(clock: Clock): Bell {
  let rung = new AbortController()
  return {
    ring: () => rung.abort(),
    wait: async (ms, signal) => {
      const current = rung
      try {
        await clock.sleep(ms, AbortSignal.any([signal, current.signal]))
      } catch (error) {
        if (signal.aborted || !current.signal.aborted) throw error
      }
      if (current.signal.aborted) rung = new AbortController()
    },
  }
}
