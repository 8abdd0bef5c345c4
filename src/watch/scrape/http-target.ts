import { type ExpositionLimits, expositionReader, usualLimits } from './exposition.ts'
import { readLimited } from './limited-body.ts'
import type { Target } from './reading.ts'

/**
 * A Prometheus endpoint: `http://127.0.0.1:4001/metrics`. It is not followed to another address, and nothing of its answer comes in
 * when a part cannot be read.
 */
export function httpTarget(options: {
  job: string
  url: string
  everyMs: number
  timeoutMs: number
  limits?: ExpositionLimits
}): Target {
  const { url, job, everyMs, timeoutMs, limits = usualLimits } = options
  const read = expositionReader(limits)
  return {
    job,
    instance: new URL(url).host,
    everyMs,
    timeoutMs,
    own: false,
    read: async (signal) => {
      const headers = { accept: 'text/plain;version=0.0.4' }
      const answer = await fetch(url, { signal, redirect: 'error', headers })
      if (answer.status !== 200) {
        await answer.body?.cancel()
        throw new Error(`status ${answer.status}`)
      }
      return read(await readLimited(answer, limits.bytes))
    },
  }
}
