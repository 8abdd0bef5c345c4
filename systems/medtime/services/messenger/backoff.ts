/** Attempts at one message; TECH-INF-001 §2.4. */
export const mostAttempts = 3

const firstMs = 5_000
const factor = 10

/**
 * How long to wait after a failed attempt: up to 5 s, then up to 50 s, each drawn between half and the whole of it, so that messages that failed
 * together do not come back together. Three attempts thus outlast a provider that is away for half a minute, and a code is still in time. A provider that asks for more gets more.
 * @param attempt that failed, 1 for the first
 * @param random from 0 to below 1
 */
export function backoffMs(attempt: number, random: () => number, retryAfterMs = 0): number {
  const most = firstMs * factor ** (attempt - 1)
  return Math.max(retryAfterMs, Math.ceil(most / 2 + (random() * most) / 2))
}
