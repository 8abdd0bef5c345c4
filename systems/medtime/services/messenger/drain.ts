import { setTimeout as sleep } from 'node:timers/promises'
import type { DeliveryParts } from './deliver.ts'
import { deliverNext } from './deliver.ts'

export interface Drain {
  /** Resolves when everything that was begun is noted. */
  stop(): Promise<void>
}

/**
 * Works the outbox off, several messages at a time, and looks again a little later when nothing is due. A failure of the database is told and
 * waited out: what was taken is taken again when its lease ends.
 */
export function startDrain(
  parts: DeliveryParts,
  options: {
    workers: number
    idleMs: number
    onFailure: (thrown: unknown) => void
  },
): Drain {
  const { workers, idleMs, onFailure } = options
  const { outbox, now, log } = parts
  const ending = new AbortController()
  const pause = (ms: number) => sleep(ms, undefined, { signal: ending.signal }).catch(() => undefined)
  const repeat = async (work: () => Promise<boolean>, restMs: number) => {
    while (!ending.signal.aborted) {
      try {
        if (!(await work())) await pause(restMs)
      } catch (thrown) {
        onFailure(thrown)
        await pause(1_000)
      }
    }
  }
  const fold = async () => {
    const receipts = await outbox.fold(new Date(now()))
    for (const receipt of receipts) log.receipt(receipt)
    return receipts.length > 0
  }
  const clean = async () => {
    await outbox.clean(new Date(now()))
    return false
  }
  const running = Promise.all([
    repeat(fold, idleMs),
    repeat(clean, 3_600_000),
    ...Array.from({ length: workers }, () => repeat(() => deliverNext(parts), idleMs)),
  ])
  return {
    stop: async () => {
      ending.abort()
      await running
    },
  }
}
