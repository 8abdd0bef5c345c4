/** The access token of one user, kept as an app keeps it: until it is refused. */
export interface TokenSource {
  current(): Promise<string>
  /** The last one was refused: it expired, or the issuer has another key since. */
  renew(): void
}

export function tokenSource(mint: () => Promise<string>): TokenSource {
  let kept: Promise<string> | undefined
  return {
    current: () => {
      kept ??= mint().catch((error: unknown) => {
        kept = undefined
        throw error
      })
      return kept
    },
    renew: () => {
      kept = undefined
    },
  }
}
