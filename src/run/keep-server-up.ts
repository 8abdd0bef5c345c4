import type { Clock } from '../clock.ts'
import { defaultRestartPolicy, type RestartPolicy, restartDelay } from './backoff.ts'
import type { Environment } from './environment.ts'

export interface ServerKeeper {
  /** Rejects when the server died and could not be started again; never resolves. */
  failed: Promise<never>
  /** From now on a server that ends is left alone. */
  stop(): void
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
): ServerKeeper {
  let keeping = true
  const stopping = new AbortController()
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
        await environment.restartServer()
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
