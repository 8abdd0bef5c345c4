/** Time, as the client needs it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted()
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

export interface RetryOptions {
  clock: Clock
  /** Uniform in [0, 1): spreads clients that failed together. */
  random: () => number
  signal?: AbortSignal | undefined
}

/** Repeats after the first attempt. */
export const retries = 3
const baseMs = 1_000
/** Above what any limit asks for, which is 61 s; a server that asks for more is asked again all the same. */
const longestMs = 90_000

/** What went wrong may pass. `afterMs`: not before this time, when the server said so. */
export class TransientError extends Error {
  readonly afterMs: number
  constructor(message: string, afterMs = 0) {
    super(message)
    this.name = 'TransientError'
    this.afterMs = afterMs
  }
}

/**
 * Runs `attempt`, and up to three times again after a TransientError: after 1 s, 2 s and 4 s, each half fixed and half random
 * but never sooner than the server asked for. The last error is thrown.
 */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let failed = 0; ; failed++) {
    try {
      return await attempt()
    } catch (thrown) {
      if (!(thrown instanceof TransientError) || failed === retries) throw thrown
      const backoff = baseMs * 2 ** failed * (0.5 + options.random())
      await options.clock.sleep(Math.min(longestMs, Math.max(backoff, thrown.afterMs)), options.signal)
    }
  }
}
