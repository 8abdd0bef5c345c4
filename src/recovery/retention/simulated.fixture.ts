import { Cron } from 'croner'
import { decideRetention } from './decide.ts'
import type { Decision } from './decision.ts'
import type { BackupFacts, Hold, RetentionFacts, RunningRestore, SegmentFacts } from './facts.ts'
import type { RetentionPolicy } from './rules.ts'

export const segmentBytes = 2 ** 24
export const hour = 3_600_000
export const day = 24 * hour

/** Every moment of a cron schedule in a stretch of time. */
export function momentsOf(schedule: string, timeZone: string, from: number, to: number): number[] {
  const cron = new Cron(schedule, { timezone: timeZone, paused: true })
  const moments: number[] = []
  for (let next = cron.nextRun(new Date(from - 1)); next && next.getTime() < to; next = cron.nextRun(next)) {
    moments.push(next.getTime())
  }
  return moments
}

/** A repository as arithmetic: WAL grows by a segment an hour, and a backup takes ten minutes. */
export class SimulatedRepository {
  readonly backups = new Map<string, BackupFacts>()
  readonly segments = new Map<bigint, SegmentFacts>()
  readonly from: number
  #count = 0

  constructor(from: number) {
    this.from = from
  }

  /** Position of the WAL at a moment. */
  position(at: number): bigint {
    return BigInt(Math.max(0, Math.floor(((at - this.from) / hour) * segmentBytes)))
  }

  writeWal(from: number, to: number): void {
    for (
      let number = this.position(from) / BigInt(segmentBytes);
      number * BigInt(segmentBytes) < this.position(to);
      number++
    ) {
      const until = Math.min(to, this.from + Number(number + 1n) * hour)
      this.segments.set(number, { timeline: 1, number, until })
    }
  }

  take(rule: string | undefined, at: number, more: Partial<BackupFacts> = {}): BackupFacts {
    const id = String(this.#count++).padStart(6, '0')
    const stoppedAt = at + 10 * 60_000
    const backup: BackupFacts = {
      id,
      label: '',
      rule,
      timeline: 1,
      start: this.position(at),
      stop: this.position(stoppedAt) + 1n,
      startedAt: at,
      stoppedAt,
      ...more,
    }
    this.backups.set(id, backup)
    return backup
  }

  facts(
    policy: RetentionPolicy,
    now: number,
    claims: { holds?: readonly Hold[]; runningRestores?: readonly RunningRestore[] } = {},
  ): RetentionFacts {
    return {
      ...policy,
      backups: [...this.backups.values()],
      wal: {
        segmentBytes,
        line: [{ timeline: 1, start: 0n, end: undefined }],
        segments: [...this.segments.values()],
      },
      holds: claims.holds ?? [],
      runningRestores: claims.runningRestores ?? [],
      now,
    }
  }

  prune(facts: RetentionFacts): Decision[] {
    const decisions = decideRetention(facts)
    for (const decision of decisions) {
      if (decision.outcome === 'keep') continue
      if (decision.of === 'backup') this.backups.delete(decision.id)
      else for (let number = decision.from; number < decision.to; number++) this.segments.delete(number)
    }
    return decisions
  }

  /** Whether a restore to a moment finds its backup and every segment from there on. */
  canRestore(at: number): boolean {
    const backup = [...this.backups.values()].filter(({ stoppedAt }) => stoppedAt <= at).at(-1)
    if (!backup) return false
    const [first, last] = [backup.start / BigInt(segmentBytes), this.position(at) / BigInt(segmentBytes)]
    for (let number = first; number <= last; number++) if (!this.segments.has(number)) return false
    return true
  }

  /** Whether a backup has all WAL from its beginning to its end. */
  isWhole({ start, stop }: BackupFacts): boolean {
    for (let number = start / BigInt(segmentBytes); number * BigInt(segmentBytes) < stop; number++) {
      if (!this.segments.has(number)) return false
    }
    return true
  }
}
