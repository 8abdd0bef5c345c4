/** Asks until it succeeds once, and keeps that; while one asks, the others wait for the same answer. */
export function keptOnSuccess<T>(ask: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined
  return () => {
    kept ??= ask().catch((thrown: unknown) => {
      kept = undefined
      throw thrown
    })
    return kept
  }
}
