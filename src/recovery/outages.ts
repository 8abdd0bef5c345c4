import { AvalError } from '../errors.ts'

/** Failures of parts that go on trying: each outage is told once. */
export interface Outages {
  part(): { hit(error: unknown): void; over(): void }
  /** The failure that lasts longest of those that are not over, by its code. */
  present(): { code: string; since: number } | undefined
}

/** @param report hears of the first failure of every outage. */
export function outages(report: ((error: unknown) => void) | undefined, now: () => number): Outages {
  const present = new Set<{ code: string; since: number }>()
  return {
    part: () => {
      let out: { code: string; since: number } | undefined
      return {
        hit: (error) => {
          if (out) return
          out = { code: error instanceof AvalError ? error.code : 'UNEXPECTED', since: now() }
          present.add(out)
          report?.(error)
        },
        over: () => {
          if (out) present.delete(out)
          out = undefined
        },
      }
    },
    present: () => present.values().next().value,
  }
}
