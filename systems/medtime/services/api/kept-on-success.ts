/** Asks until it succeeds once, and keeps that; while one asks, the others wait for the same answer. */
export function keptOnSuccess<Value>(ask: () => Promise<Value>): () => Promise<Value> {
  let kept: Promise<Value> | undefined
  return () => {
    kept ??= ask().catch((thrown: unknown) => {
      kept = undefined
      throw thrown
    })
    return kept
  }
}
