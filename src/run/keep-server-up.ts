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
export function keepServerUp(environment: Environment, log: (line: string) => void): ServerKeeper {
  let keeping = true
  const failed = new Promise<never>((_, reject) => {
    const watch = async (): Promise<void> => {
      while (keeping) {
        await environment.server.ended
        if (!keeping) return
        log('postgres ended; starting it again on the same data')
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
    },
  }
}
