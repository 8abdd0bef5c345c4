import { describeError } from '../errors.ts'
import type { Plan } from '../plan/plan.ts'
import type { CommandContext } from './command.ts'
import { isInside } from './inside-probe.ts'
import type { WatchedSystem } from './watch-records.ts'

/** After a watch that could not start or go on, the next. */
const againMs = 30_000
/** Verdicts take the digest of all sources: nothing for the first minute of a start. */
const verdictsAfterMs = 60_000

/**
 * Watches a system for as long as it runs, in the process that runs it. It comes after the start and never fails it: what ails the watch is said, and it is
 * tried again.
 */
export function watchBeside(
  watched: WatchedSystem,
  log: (line: string) => void,
  context: CommandContext,
): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping
  const tell = (line: string) => log(`watch | ${line}`)
  const running = (async () => {
    const { usualEveryMs, watchSummary, watchSystem } = await import('./watched.ts')
    const plan = insideOnly(watched.system.plan)
    const { probes, spend } = watched.system.plan
    const left = [...Object.keys(probes).filter((name) => !Object.hasOwn(plan.probes, name)), ...Object.keys(spend)]
    while (!signal.aborted) {
      try {
        const options = { plan, everyMs: usualEveryMs, verdictsAfterMs, log: tell }
        const { done } = watchSystem(watched, options, { ...context, signal })
        for (const line of watchSummary(plan, usualEveryMs)) tell(line)
        if (left.length > 0) tell(`left to aval watch, for what they ask is not here: ${left.join(', ')}`)
        await done
      } catch (error) {
        tell(`it runs unwatched: ${describeError(error)}`)
        await context.clock.sleep(againMs, signal).catch(() => undefined)
      }
    }
  })()
  return {
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

/** The plan without budgets and the probes of addresses elsewhere: those are of production, whose state says nothing of what runs here. */
function insideOnly(plan: Plan): Plan {
  return {
    ...plan,
    spend: {},
    probes: Object.fromEntries(Object.entries(plan.probes).filter(([, probe]) => isInside(probe))),
  }
}
