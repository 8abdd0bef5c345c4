import type { Clock } from '../clock.ts'
import { describeError } from '../errors.ts'
import { defaultRestartPolicy, type RestartPolicy, restartDelay } from './backoff.ts'
import type { Environment } from './environment.ts'

export interface ServerKeeper {
  /** Rejects when the server died and could not be started again; never resolves. */
  failed: Promise<never>
  /** From now on a server that ends is left alone. */
  stop(): void
}

/** What takes the place of a server that is dead and cannot be started. */
export interface StandIn {
  /** How long starting it is tried first. */
  afterMs: number
  /** Rejects when it may not be done; starting the server is then tried on. */
  take(): Promise<void>
}

/** What a person does when the server does not start because of its data. */
export const inPlace = (system: string): string => `aval restore ${system} --at latest --in-place`

/** Logs what begins with a line the first time only: what an attempt says again is no news, and buries what is. */
function onceEach(log: (text: string) => void): (text: string) => void {
  const said = new Set<string | undefined>()
  return (text) => {
    const [first] = text.split('\n')
    if (said.has(first)) return
    said.add(first)
    log(text)
  }
}

/**
 * Starts an environment's server again whenever it dies. For systems that are to stay up; a prover, which kills servers on
 * purpose, does not use it.
 */
export function keepServerUp(
  environment: Environment,
  clock: Clock,
  log: (line: string) => void,
  policy: RestartPolicy = defaultRestartPolicy,
  standIn?: StandIn,
): ServerKeeper {
  let keeping = true
  const stopping = new AbortController()
  /** A server that starts again loses nothing, which is why that is tried for as long as the plan allows. */
  const restartOrStandIn = async (downAt: number): Promise<void> => {
    const told = onceEach(log)
    for (let attempt = 1; keeping; attempt++) {
      try {
        await environment.restartServer()
        return log('postgres serves again')
      } catch (error) {
        if (!keeping) return
        if (standIn === undefined) throw error
        told(`postgres does not start: ${describeError(error)}`)
        told(
          `when its data is lost or damaged: end this, then \`${inPlace(environment.system.name)}\` (docs/recovery.md)`,
        )
        if (clock.now() - downAt >= standIn.afterMs) {
          try {
            await standIn.take()
            return log('postgres serves again')
          } catch (refusal) {
            told(`standby | ${describeError(refusal)}`)
          }
        }
        // Never later than the standby may take over.
        const left = downAt + standIn.afterMs - clock.now()
        const pause = Math.max(1_000, restartDelay(policy, attempt))
        await clock.sleep(left > 0 ? Math.min(pause, left) : pause, stopping.signal).catch(() => undefined)
      }
    }
  }
  const failed = new Promise<never>((_, reject) => {
    const watch = async (): Promise<void> => {
      let deaths = 0
      while (keeping) {
        const since = clock.now()
        await environment.server.ended
        if (!keeping) return
        deaths = clock.now() - since >= policy.steadyMs ? 1 : deaths + 1
        const delay = restartDelay(policy, deaths)
        log(`postgres ended; starting it again on the same data in ${delay / 1000} s`)
        await clock.sleep(delay, stopping.signal).catch(() => undefined)
        if (!keeping) return
        await restartOrStandIn(clock.now())
      }
    }
    watch().catch(reject)
  })
  // Whoever does not wait for it (an early Ctrl-C) must not be ended by it.
  failed.catch(() => undefined)
  return {
    failed,
    stop: () => {
      keeping = false
      stopping.abort()
    },
  }
}
