import { timestamp } from '../../clock.ts'
import { wallTime } from './expiry.ts'
import type { Keep } from './rules.ts'

/** Why something stays or goes. Several may hold at once; one reason to keep is enough. */
export type KeepReason =
  | { why: 'rule'; rule: string; keep: Keep; madeAt: number }
  | { why: 'own-time'; label: string; keep: Keep; madeAt: number }
  | { why: 'by-hand'; keep: Keep; madeAt: number; formerRule: string | undefined }
  | { why: 'objective'; rule: string; objectives: readonly string[] }
  | { why: 'newest' }
  | { why: 'newest-verified' }
  | { why: 'window'; window: number }
  | { why: 'hold'; reason: string; until: number | undefined }
  | { why: 'restoring'; until: number }
  | { why: 'parent'; of: string }
  | { why: 'wal-keep'; keep: Keep }
  | { why: 'wal-of'; backup: string }
  | { why: 'wal-after-newest'; backup: string }
  | { why: 'age-unknown' }

export type RemoveReason =
  | { why: 'expired'; what: string; keep: number; madeAt: number }
  | { why: 'wal-expired'; keep: number | undefined }

/** What becomes of one backup, or of consecutive WAL segments of one timeline. */
export type Decision = ({ of: 'backup'; id: string } & Outcome) | ({ of: 'wal' } & WalStretch & Outcome)

export type Outcome =
  | { outcome: 'keep'; reasons: readonly [KeepReason, ...KeepReason[]] }
  | { outcome: 'remove'; reasons: readonly [RemoveReason] }

export interface WalStretch {
  timeline: number
  /** Number of the first segment. */
  from: bigint
  /** Number after the last segment. */
  to: bigint
}

/** A decision's reasons as a person reads them: `kept: the daily of 2026-03-04 02:00, 12 d old; daily is kept 35 d`. */
export function explain(decision: Outcome, at: { now: number; timeZone: string }): string {
  const verb = decision.outcome === 'keep' ? 'kept' : 'removed'
  return `${verb}: ${decision.reasons.map((reason) => reasonInWords(reason, at)).join('; also ')}`
}

function reasonInWords(
  reason: KeepReason | RemoveReason,
  { now, timeZone }: { now: number; timeZone: string },
): string {
  const age = (madeAt: number) => `${span(Math.max(0, now - madeAt))} old`
  switch (reason.why) {
    case 'rule':
      return `the ${reason.rule} of ${wallTime(reason.madeAt, timeZone)}, ${age(reason.madeAt)}; ${reason.rule} is kept ${keeping(reason.keep)}`
    case 'own-time':
      return `"${reason.label}", ${age(reason.madeAt)}; it is kept ${keeping(reason.keep)}`
    case 'by-hand': {
      const whose = reason.formerRule === undefined ? 'taken by hand' : `its rule ${reason.formerRule} left the plan`
      return `${whose}, ${age(reason.madeAt)}; such are kept ${keeping(reason.keep)}`
    }
    case 'objective':
      return `the newest ${reason.rule}; ${reason.objectives.join(', ')} ${reason.objectives.length === 1 ? 'rests' : 'rest'} on it`
    case 'newest':
      return 'the newest backup that is not known to be damaged'
    case 'newest-verified':
      return 'the newest backup that was verified and found sound'
    case 'window':
      return `the point-in-time window of ${span(reason.window)} begins inside its WAL`
    case 'hold':
      return `held${reason.until === undefined ? '' : ` until ${timestamp(reason.until)}`}: ${reason.reason}`
    case 'restoring':
      return `a restore is reading it; its mark ends ${timestamp(reason.until)}`
    case 'parent':
      return `${reason.of} builds on it`
    case 'wal-keep':
      return `WAL is kept ${keeping(reason.keep)}`
    case 'wal-of':
      return `the backup ${reason.backup} is whole only with it`
    case 'wal-after-newest':
      return `it leads from the backup ${reason.backup} to the latest state`
    case 'age-unknown':
      return 'how old it is cannot be told'
    case 'expired':
      return `${age(reason.madeAt)}, ${reason.what} kept ${keeping(reason.keep)}`
    case 'wal-expired':
      return reason.keep === undefined
        ? 'no kept backup and no window needs it'
        : `older than ${span(reason.keep)}, and no kept backup, window, hold or restore needs it`
  }
}

function keeping(keep: Keep): string {
  return keep === 'forever' ? 'for ever' : span(keep)
}

/** Whole days from two days on, hours before, minutes before that. */
export function span(ms: number): string {
  if (ms >= 48 * 3_600_000) return `${Math.floor(ms / 86_400_000)} d`
  return ms >= 3_600_000 ? `${Math.floor(ms / 3_600_000)} h` : `${Math.floor(ms / 60_000)} min`
}
