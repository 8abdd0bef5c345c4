import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { EvidenceStep } from '../ledger/evidence.ts'

/** The steps of one proof, in the order they were done, each with its time. */
export interface Steps {
  /** Does the work as a named step; a failure is recorded and passed on. `describe` adds what came of it. */
  do<T>(name: string, work: () => Promise<T>, describe?: (result: T) => string): Promise<T>
  done(): EvidenceStep[]
}

export function recordSteps(clock: Clock, announce: (name: string) => void): Steps {
  const steps: EvidenceStep[] = []
  return {
    do: async (name, work, describe) => {
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
        })
        return result
      } catch (error) {
        steps.push({ name, outcome: 'failed', tookMs: clock.now() - started, detail: messageOf(error) })
        throw error
      }
    },
    done: () => [...steps],
  }
}
