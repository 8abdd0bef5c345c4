import { type Clock, timestamp } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { EvidenceStep } from '../ledger/evidence.ts'

/** The steps of one proof, in the order they were done, each with its time. */
export interface Steps {
  /** Does the work as a named step; a failure is recorded and passed on. `describe` adds what came of it. */
  do<T>(name: string, work: () => Promise<T>, describe?: (result: T) => string, ordered?: Ordered): Promise<T>
  /** Keeps a step that was not carried out, with the reason. */
  leave(name: string, reason: string, ordered?: Ordered): void
  done(): EvidenceStep[]
}

/** What a procedure says of a step beside its name. */
export interface Ordered {
  command?: string | undefined
  withinMs?: number | undefined
}

export function recordSteps(clock: Clock, announce: (name: string) => void): Steps {
  const steps: EvidenceStep[] = []
  return {
    leave: (name, reason, ordered) => {
      steps.push({ name, outcome: 'skipped', tookMs: 0, detail: reason, ...asOrdered(ordered, clock.now()) })
    },
    do: async (name, work, describe, ordered) => {
      announce(name)
      const started = clock.now()
      try {
        const result = await work()
        const detail = describe?.(result)
        steps.push({
          name,
          outcome: 'done',
          tookMs: clock.now() - started,
          ...(detail === undefined ? {} : { detail }),
          ...asOrdered(ordered, started),
        })
        return result
      } catch (error) {
        const detail = messageOf(error)
        steps.push({ name, outcome: 'failed', tookMs: clock.now() - started, detail, ...asOrdered(ordered, started) })
        throw error
      }
    },
    done: () => [...steps],
  }
}

/** Only steps of a procedure carry when they began: a report of a drill needs it, a proof does not. */
function asOrdered(ordered: Ordered | undefined, at: number): Partial<EvidenceStep> {
  if (ordered === undefined) return {}
  return {
    startedAt: timestamp(at),
    ...(ordered.command === undefined ? {} : { command: ordered.command }),
    ...(ordered.withinMs === undefined ? {} : { withinMs: ordered.withinMs }),
  }
}
