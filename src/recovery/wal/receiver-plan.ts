import type { Clock } from '../../clock.ts'
import type { Plan } from '../../plan/plan.ts'
import { formatBytes, formatDuration } from '../../plan/units.ts'
import type { WalReceiver, WalReceiverOptions } from './wal-receiver.ts'
import type { SynchronousState } from './wal-synchronous.ts'

type Recovery = Plan['recovery']

/**
 * How a plan wants its receiver.
 * @param url of a superuser, who names the receiver in synchronous_standby_names.
 * @param report hears when commits begin or cease to wait for the receiver.
 */
export function receiverOptionsOf(
  { synchronous }: Pick<Recovery, 'synchronous'>,
  url: string,
  report: (line: string) => void,
): Pick<WalReceiverOptions, 'acknowledge' | 'synchronous'> {
  if (!synchronous) return {}
  const { acknowledge, whenAway } = synchronous
  const where = acknowledge === 'stored' ? 'is in the store' : 'is on the disk of the receiver'
  const says: Record<SynchronousState, string> = {
    off: 'commits wait for nobody',
    waiting: 'the receiver is away or behind: commits that ask for it wait',
    synchronous: `commits return once their WAL ${where}`,
    degraded: 'commits return WITHOUT the receiver: what is written now may be lost with the server',
  }
  return { acknowledge, synchronous: { url, whenAway, onChange: (state) => report(says[state]) } }
}

/** Objectives that the WAL stands for. */
const byWal: ReadonlySet<string> = new Set(['database', 'data', 'zone', 'region', 'everything'])
const leastLimitMs = 5_000
const usualLimitMs = 60_000

/** How far the store may be behind before somebody is told, milliseconds: the strictest loss the plan allows, within reason. */
export function lagLimitOf({ objectives }: Pick<Recovery, 'objectives'>): number {
  const allowed = Object.values(objectives).flatMap(({ covers, rpo }) =>
    rpo !== undefined && byWal.has(covers) ? [rpo] : [],
  )
  return allowed.length === 0 ? usualLimitMs : Math.max(leastLimitMs, Math.min(...allowed))
}

const lookEveryMs = 1_000

/**
 * Tells when the store falls behind by more than may be lost, and when it has caught up; once each.
 * @returns ends it.
 */
export function watchLag(
  receiver: Pick<WalReceiver, 'lag'>,
  options: { limitMs: number; clock: Clock; report: (line: string) => void },
): () => void {
  const { limitMs, clock, report } = options
  const ending = new AbortController()
  let behind = false
  const look = () => {
    const { storedMs, storedBytes } = receiver.lag()
    if (storedMs > limitMs !== behind) {
      behind = !behind
      report(
        behind
          ? `the store is ${formatDuration(Math.floor(storedMs / 1000) * 1000)} and ${formatBytes(storedBytes)} behind the server, more than the ${formatDuration(limitMs)} that may be lost`
          : 'the store has caught up with the server',
      )
    }
  }
  void (async () => {
    while (!ending.signal.aborted) {
      look()
      await clock.sleep(lookEveryMs, ending.signal).catch(() => undefined)
    }
  })()
  return () => ending.abort()
}
