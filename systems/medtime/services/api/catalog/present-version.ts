/** How long an instance may not know that a new catalog was published. */
export const versionAgeMs = 30_000

export interface PresentVersion {
  get(): Promise<number>
  /** An answer of the database told of it. */
  note(version: number): void
}

/** The version of the catalog as an instance knows it: asked for now and then, so that a cached answer needs no database. */
export function presentVersion(ask: () => Promise<number>, now: () => number): PresentVersion {
  let known: { version: number; at: number } | undefined
  let asking: Promise<number> | undefined
  const note = (version: number) => {
    known = { version: Math.max(version, known?.version ?? 0), at: now() }
  }
  return {
    note,
    get: async () => {
      if (known !== undefined && now() - known.at < versionAgeMs) return known.version
      asking ??= ask()
        .then(
          (version) => {
            known = { version, at: now() }
            return version
          },
          (thrown: unknown) => {
            if (known === undefined) throw thrown
            // What is cached can be answered without the database, which is asked again after the same time.
            known = { ...known, at: now() }
            return known.version
          },
        )
        .finally(() => {
          asking = undefined
        })
      return asking
    },
  }
}
