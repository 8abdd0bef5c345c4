import type { Clock } from '../../clock.ts'
import { readHead } from '../repository/head.ts'
import type { Repository } from '../repository/repository.ts'
import { restoreWindow } from '../restore/restore-point.ts'
import { formatLsn, type Lsn } from '../wal/lsn.ts'
import { outages } from '../wal/outages.ts'
import { type CopyReport, copyRepository } from './copy-repository.ts'
import type { Store } from './store.ts'

export interface Copying {
  /** Milliseconds that would be lost with the source: since when the copy has not been brought up. Undefined before the first time. */
  lagMs(): number | undefined
  last(): CopyReport | undefined
  /** Copies now, after what is under way. */
  now(): Promise<void>
  stop(): Promise<void>
}

/** Brings a copy up again and again, until it is stopped. Outages of either store are said once each and waited out. */
export function startCopying(options: {
  from: Store
  to: Store
  everyMs: number
  clock: Clock
  onCopied?: (report: CopyReport) => void
  onTrouble?: (error: unknown) => void
}): Copying {
  const { from, to, everyMs, clock } = options
  const stopping = new AbortController()
  const outage = outages(options.onTrouble, clock.now).part()
  let last: CopyReport | undefined
  let turn = Promise.resolve()
  const once = () => {
    turn = turn.then(async () => {
      if (stopping.signal.aborted) return
      try {
        last = await copyRepository({ from, to, clock, signal: stopping.signal })
        outage.over()
        options.onCopied?.(last)
      } catch (error) {
        if (!stopping.signal.aborted) outage.hit(error)
      }
    })
    return turn
  }
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await once()
      await clock.sleep(everyMs, stopping.signal).catch(() => undefined)
    }
  })()
  return {
    lagMs: () => last && clock.now() - last.asOf,
    last: () => last,
    now: once,
    stop: async () => {
      stopping.abort()
      await running
      await turn
    },
  }
}

/** What would be lost if only the copy were left. */
export interface CopyLag {
  /** Between the newest moments that each can be restored to; undefined when the copy can be restored to none. */
  ms: number | undefined
  /** WAL of the newest timeline that the copy lacks. */
  walBytes: bigint
  /** How far the copy's WAL goes, as text; undefined when it has none. */
  reaches: string | undefined
}

/** Compares a copy with its source by what each says can be restored. */
export async function copyLag(options: { from: Repository; to: Repository }): Promise<CopyLag> {
  const [source, copy] = await Promise.all([restoreWindow(options.from), restoreWindow(options.to)])
  const [ends, copied] = await Promise.all([readHead(options.from), readHead(options.to)])
  const timeline = Math.max(0, ...ends.keys())
  const end: Lsn = ends.get(timeline) ?? 0n
  const reached = copied.get(timeline)
  const behind = end - (reached ?? 0n)
  return {
    ms: source && copy ? Math.max(0, source.to - copy.to) : source ? undefined : 0,
    walBytes: behind > 0n ? behind : 0n,
    reaches: reached === undefined ? undefined : formatLsn(reached),
  }
}
