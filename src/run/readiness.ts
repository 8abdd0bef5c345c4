import { request } from 'node:http'
import type { Clock } from '../clock.ts'

const pollMs = 50
const answerMs = 2_000

/** How waiting for a service ended. `last` says what its ready path answered last, in words. */
export type Readiness = { outcome: 'ready' } | { outcome: 'ended' } | { outcome: 'late'; last: string }

export interface ReadinessOptions {
  /** Address polled until it answers 200; a service without one is ready as soon as its process runs. */
  url: string | undefined
  /** False once the process has ended. */
  running(): boolean
  timeoutMs: number
  clock: Clock
  signal: AbortSignal
}

/** Polls until the service can serve, has ended, or took too long. Rejects with the signal's reason when aborted. */
export async function waitUntilReady(options: ReadinessOptions): Promise<Readiness> {
  const { url, running, clock, signal } = options
  const deadline = clock.now() + options.timeoutMs
  let last = 'nothing yet'
  for (;;) {
    signal.throwIfAborted()
    if (!running()) return { outcome: 'ended' }
    if (url === undefined) return { outcome: 'ready' }
    const answer = await statusOf(url)
    // Whoever answered on the port must have been this process: one that could not bind it has ended by now or will soon.
    if (answer === 200 && running()) return { outcome: 'ready' }
    last = typeof answer === 'number' ? `status ${answer}` : answer
    if (clock.now() >= deadline) return { outcome: 'late', last }
    await clock.sleep(pollMs, signal)
  }
}

/** The status of one GET on a connection of its own, or why there was none. */
export function statusOf(url: string): Promise<number | string> {
  return new Promise((resolve) => {
    const asking = request(url, { agent: false, timeout: answerMs }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 'an answer without a status')
    })
    asking.on('timeout', () => asking.destroy(new Error(`no answer within ${answerMs / 1000} s`)))
    asking.on('error', (error) => resolve(error.message || 'connection refused'))
    asking.end()
  })
}
