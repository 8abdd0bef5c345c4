import type { Clock } from '../../clock.ts'
import type { Reading } from './reading.ts'

/**
 * Reads at its own slower pace and gives the same figures in between, so that they are in every scrape: a figure of a day's pace would be
 * unknown to queries after five minutes. A reading that failed is tried again at the next scrape.
 * @param changedAtMs when the figures were last told to be others; they are then read again at once.
 */
export function keptReadings(
  everyMs: number,
  clock: Clock,
  read: (signal: AbortSignal) => Promise<readonly Reading[]>,
  changedAtMs: () => number = () => -Infinity,
): (signal: AbortSignal) => Promise<readonly Reading[]> {
  let kept: readonly Reading[] = []
  let nextMs = -Infinity
  let readMs = -Infinity
  return async (signal) => {
    const now = clock.now()
    if (now < nextMs && changedAtMs() < readMs) return kept
    kept = await read(signal)
    readMs = now
    // Rounds tremble by milliseconds: one that comes a little early is not left out.
    nextMs = now + everyMs * 0.9
    return kept
  }
}
