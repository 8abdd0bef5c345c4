/** The present moment, injected so that tests and provers decide what time it is. */
export interface Clock {
  /** Milliseconds since the Unix epoch, UTC. */
  now(): number
  /** Resolves after `ms` milliseconds of this clock; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const cancel = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', cancel)
        resolve()
      }, ms)
      signal?.addEventListener('abort', cancel, { once: true })
    }),
}

/** A moment as RFC 3339 in UTC with milliseconds: `2026-02-03T04:05:06.789Z`. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString()
}
