/** Tells of the first failure of an outage only. */
export function outages(report: ((error: unknown) => void) | undefined): { hit(error: unknown): void; over(): void } {
  let out = false
  return {
    hit: (error) => {
      if (!out) report?.(error)
      out = true
    },
    over: () => {
      out = false
    },
  }
}
