import type { Clock } from '../../clock.ts'

/** A clock that stands until it is moved, and wakes whoever sleeps when their moment has come. */
export interface HeldClock extends Clock {
  /** Goes on to a moment; an earlier one changes nothing. */
  to(ms: number): void
}

export function heldClock(startMs: number): HeldClock {
  let nowMs = startMs
  const sleepers = new Set<{ dueMs: number; wake: () => void }>()
  return {
    now: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const cancel = () => {
          sleepers.delete(sleeper)
          reject(signal?.reason)
        }
        const wake = () => {
          sleepers.delete(sleeper)
          signal?.removeEventListener('abort', cancel)
          resolve()
        }
        const sleeper = { dueMs: nowMs + ms, wake }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', cancel, { once: true })
      }),
    to: (ms) => {
      nowMs = Math.max(nowMs, ms)
      for (const { dueMs, wake } of [...sleepers]) if (dueMs <= nowMs) wake()
    },
  }
}
