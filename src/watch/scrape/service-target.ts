import { httpTarget } from './http-target.ts'
import type { Target } from './reading.ts'

/**
 * The metrics of a service that may move: it is found anew at every reading, and its series keep the service's name as their instance.
 * @param url where it answers with its metrics now; undefined while it runs nowhere.
 */
export function serviceTarget(options: {
  service: string
  url: () => string | undefined
  everyMs: number
  timeoutMs: number
}): Target {
  const { service, url, everyMs, timeoutMs } = options
  let found: { url: string; target: Target } | undefined
  return {
    job: service,
    instance: service,
    everyMs,
    timeoutMs,
    own: false,
    read: async (signal) => {
      const now = url()
      if (now === undefined) throw new Error('it does not run')
      if (found?.url !== now) found = { url: now, target: httpTarget({ job: service, url: now, everyMs, timeoutMs }) }
      return found.target.read(signal)
    },
  }
}
