/** Attempts at one message; TECH-INF-001 §2.4. */
export const mostAttempts = 3

const firstMs = 2_000
const factor = 4

/**
 * How long to wait after a failed attempt: about 2 s, then about 8 s, each drawn between half and the whole of it, so that messages that failed
 * together do not come back together. A provider that asks for more gets more.
 * @param attempt that failed, 1 for the first
 * @param random from 0 to below 1
 */
export function backoffMs(attempt: number, random: () => number, retryAfterMs = 0): number {
  const most = firstMs * factor ** (attempt - 1)
  return Math.max(retryAfterMs, Math.ceil(most / 2 + (random() * most) / 2))
}
