import { AvalError, messageOf } from '../../errors.ts'

/** Failures of parts that go on trying: of each outage every kind of failure is told once. */
export interface Outages {
  part(): { hit(error: unknown): void; over(): void }
  /** The failure that lasts longest of those that are not over, by its code. */
  present(): { code: string; since: number; says: string } | undefined
}

/** @param report hears of every kind of failure once an outage. */
export function outages(report: ((error: unknown) => void) | undefined, now: () => number): Outages {
  const present = new Set<{ code: string; since: number; says: string }>()
  return {
    part: () => {
      let out: { code: string; since: number; says: string } | undefined
      const told = new Set<string>()
      return {
        hit: (error) => {
          const code = error instanceof AvalError ? error.code : 'UNEXPECTED'
          if (told.has(code)) return
          told.add(code)
          if (out) Object.assign(out, { code, says: messageOf(error) })
          else out = { code, since: now(), says: messageOf(error) }
          present.add(out)
          report?.(error)
        },
        over: () => {
          if (out) present.delete(out)
          out = undefined
          told.clear()
        },
      }
    },
    present: () => present.values().next().value,
  }
}
