/** How a service that ends unasked is started again. All times in milliseconds. */
export interface RestartPolicy {
  /** Wait before the first restart; doubled with each crash in a row. */
  firstMs: number
  /** No wait is longer. */
  ceilingMs: number
  /** A service that was ready this long has recovered: its crashes are counted anew. */
  steadyMs: number
  /** As many crashes in a row are a crash loop, which is reported. Restarts go on at the ceiling. */
  loopAfter: number
}

export const defaultRestartPolicy: RestartPolicy = { firstMs: 250, ceilingMs: 15_000, steadyMs: 30_000, loopAfter: 5 }

/** Wait before the restart that follows the n-th crash in a row, n from 1. */
export function restartDelay(policy: RestartPolicy, crashes: number): number {
  return Math.min(policy.ceilingMs, policy.firstMs * 2 ** Math.max(0, crashes - 1))
}
