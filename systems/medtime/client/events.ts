import { z } from 'zod'
import { type ApiOptions, urlAt } from './request.ts'

/** What the server tells: that something changed, and in which epoch. What it was, a pull tells. */
export interface ChangeEvent {
  epoch: number
}

const event = z.object({ epoch: z.int().min(1) })

const firstWaitMs = 1_000
const longestWaitMs = 60_000
/** The server says something at least every 25 s; a line on which nothing was heard for this long is dead. */
const silenceMs = 60_000

/**
 * Listens until told to stop. A stream that ends or breaks is begun anew, after a wait that grows while that fails; each begins
 * with an event, so that whatever happened between two streams is not missed. Events are hints: who also pulls when the app is
 * opened loses nothing by one that never came.
 */
export function listenForChanges(options: ApiOptions, onChange: (change: ChangeEvent) => void): { stop(): void } {
  const stopped = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stopped.signal]) : stopped.signal
  void (async () => {
    let waitMs = firstWaitMs
    while (!signal.aborted) {
      const heard = await follow(options, signal, onChange).catch(() => false)
      waitMs = heard ? firstWaitMs : Math.min(longestWaitMs, waitMs * 2)
      // Streams of many devices end together, when the service is started anew: they must not come back together.
      await options.clock.sleep(waitMs * (0.5 + options.random()), signal).catch(() => undefined)
    }
  })()
  return { stop: () => stopped.abort() }
}

/** One stream, to its end. @returns whether anything was heard */
async function follow(
  options: ApiOptions,
  signal: AbortSignal,
  onChange: (change: ChangeEvent) => void,
): Promise<boolean> {
  const silent = new AbortController()
  const watched = AbortSignal.any([signal, silent.signal])
  const query = new URLSearchParams({ device_id: options.device })
  const response = await options.fetch(urlAt(options.address, `/sync/events?${query}`), {
    headers: { authorization: `Bearer ${await options.token()}`, accept: 'text/event-stream' },
    signal: watched,
  })
  if (!response.ok || response.body === null) {
    await response.body?.cancel()
    return false
  }
  let timer = setTimeout(() => silent.abort(), silenceMs)
  let heard = false
  let rest = ''
  const decoder = new TextDecoder()
  const reader = response.body.getReader()
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return heard
      clearTimeout(timer)
      timer = setTimeout(() => silent.abort(), silenceMs)
      rest += decoder.decode(value, { stream: true })
      const blocks = rest.split('\n\n')
      rest = blocks.pop() ?? ''
      // Events of a line or two; whoever sends more without an end is not our server.
      if (rest.length > 10_000) return heard
      for (const block of blocks) {
        const change = changeOf(block)
        if (change === undefined) continue
        heard = true
        if (!signal.aborted) onChange(change)
      }
    }
  } finally {
    clearTimeout(timer)
    await reader.cancel().catch(() => undefined)
  }
}

function changeOf(block: string): ChangeEvent | undefined {
  const lines = block.split('\n')
  const data = lines.find((line) => line.startsWith('data:'))?.slice('data:'.length)
  if (!lines.includes('event: changed') || data === undefined) return undefined
  try {
    return event.parse(JSON.parse(data))
  } catch {
    return undefined
  }
}
