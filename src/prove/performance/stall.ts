import type { Clock } from '../../clock.ts'
import { killGroup } from '../../process.ts'
import type { Environment } from '../../run/environment.ts'

/** Time of each turn that the services are stopped, and left to run, milliseconds. */
const still = 800
const running = 200

/** Stops and continues every service process in turn until told to end; they always end up running. */
export function stallServices(environment: Environment, clock: Clock): { stop(): Promise<void> } {
  const ending = new AbortController()
  const turns = async () => {
    while (!ending.signal.aborted) {
      for (const pid of environment.servicePids()) killGroup(pid, 'SIGSTOP')
      await clock.sleep(still)
      for (const pid of environment.servicePids()) killGroup(pid, 'SIGCONT')
      await clock.sleep(running)
    }
  }
  const loop = turns()
  return {
    stop: async () => {
      ending.abort()
      await loop
    },
  }
}
