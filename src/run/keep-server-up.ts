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
  const restartOrStandIn = async (downAt: number, delay: number): Promise<void> => {
    for (;;) {
      try {
        return await environment.restartServer()
      } catch (error) {
        if (standIn === undefined || !keeping) throw error
        log(`postgres does not start: ${describeError(error)}`)
        if (clock.now() - downAt >= standIn.afterMs) {
          try {
            return await standIn.take()
          } catch (refusal) {
            log(`standby | ${describeError(refusal)}`)
          }
        }
        await clock.sleep(Math.max(delay, 1_000), stopping.signal).catch(() => undefined)
        if (!keeping) return
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
        await restartOrStandIn(clock.now(), delay)
        log('postgres serves again')
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
