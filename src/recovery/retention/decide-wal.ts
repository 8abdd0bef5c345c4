import type { Lsn } from '../wal/lsn.ts'
import type { LineStretch } from '../wal/timeline-history.ts'
import type { Decision, KeepReason, RemoveReason } from './decision.ts'
import { hasExpired } from './expiry.ts'
import type { BackupFacts, RetentionFacts, RunningRestore, SegmentFacts } from './facts.ts'
import type { Keep } from './rules.ts'

/**
 * Which WAL stays. On the newest line everything is kept from the first position on that its age, the window or the newest backup
 * needs, so that it has no hole; before that position, and on branches that a restore abandoned, only what backups and running restores need.
 */
export function decideWal(options: {
  facts: RetentionFacts
  kept: readonly BackupFacts[]
  restoring: readonly RunningRestore[]
  windowStart: BackupFacts | undefined
  newest: BackupFacts | undefined
}): Decision[] {
  const { facts, kept, restoring, windowStart, newest } = options
  const { line, segmentBytes, segments } = facts.wal
  const size = BigInt(segmentBytes)
  const momentOf = newestMoments(facts)
  /** Timelines, and the line as a whole (0), whose WAL from here on is kept for its own sake. */
  const continuous = new Map<number, KeepReason>()

  const standing = (segment: SegmentFacts): KeepReason | undefined => {
    const lane = isOnLine(line, segment, size) ? 0 : segment.timeline
    const known = continuous.get(lane)
    if (known) return known
    const end = (segment.number + 1n) * size
    const reason = lane === 0 ? neededOnLine(end) : undefined
    const found = reason ?? keptByAge(momentOf(segment), lane === 0 ? facts.walKeep : (facts.walKeep ?? facts.byHand))
    if (found) continuous.set(lane, found)
    return found
  }
  const neededOnLine = (end: Lsn): KeepReason | undefined => {
    if (windowStart && facts.pointInTime && end > windowStart.start)
      return { why: 'window', window: facts.pointInTime.window }
    if (newest && end > newest.start) return { why: 'wal-after-newest', backup: newest.id }
    // Without a backup there is nothing yet that would tell which WAL serves.
    return newest ? undefined : { why: 'age-unknown' }
  }
  const keptByAge = (moment: number | undefined, keep: Keep | undefined): KeepReason | undefined => {
    if (keep === undefined) return undefined
    if (keep === 'forever') return { why: 'wal-keep', keep }
    if (moment === undefined) return { why: 'age-unknown' }
    return hasExpired(moment, keep, facts.now, facts.timeZone) ? undefined : { why: 'wal-keep', keep }
  }
  const needed = (segment: SegmentFacts): KeepReason | undefined => {
    const [from, to] = [segment.number * size, (segment.number + 1n) * size]
    const owner = kept.find(
      ({ dump, timeline, start, stop }) => !dump && timeline === segment.timeline && start < to && stop > from,
    )
    if (owner) return { why: 'wal-of', backup: owner.id }
    const reader = restoring.find((each) => each.from < to && each.to > from)
    return reader && { why: 'restoring', until: reader.expiresAt }
  }

  const decisions: Decision[] = []
  for (const segment of segments) {
    const reason = standing(segment) ?? needed(segment)
    const removal: RemoveReason = {
      why: 'wal-expired',
      keep: typeof facts.walKeep === 'number' ? facts.walKeep : undefined,
    }
    const stretch = { timeline: segment.timeline, from: segment.number, to: segment.number + 1n }
    append(
      decisions,
      reason
        ? { of: 'wal', ...stretch, outcome: 'keep', reasons: [reason] }
        : { of: 'wal', ...stretch, outcome: 'remove', reasons: [removal] },
    )
  }
  return decisions
}

/** Extends the last stretch when the next segment shares its fate for the same reason. */
function append(decisions: Decision[], next: Decision): void {
  const last = decisions.at(-1)
  if (
    last?.of === 'wal' &&
    next.of === 'wal' &&
    last.timeline === next.timeline &&
    last.to === next.from &&
    sameReason(last.reasons[0], next.reasons[0])
  ) {
    decisions[decisions.length - 1] = { ...last, to: next.to }
  } else decisions.push(next)
}

function sameReason(a: KeepReason | RemoveReason, b: KeepReason | RemoveReason): boolean {
  return a.why === b.why && (a.why !== 'wal-of' || b.why !== 'wal-of' || a.backup === b.backup)
}

function isOnLine(line: readonly LineStretch[], { timeline, number }: SegmentFacts, size: bigint): boolean {
  // Where a timeline branches off inside a segment, the newer timeline's file is read.
  return line.findLast(({ start }) => start / size <= number)?.timeline === timeline
}

/** When the last byte of a segment was written at the latest: by its own mark, else by the next backup that began behind it. */
function newestMoments({ wal, backups }: RetentionFacts): (segment: SegmentFacts) => number | undefined {
  const size = BigInt(wal.segmentBytes)
  const byStart = backups.filter(({ dump }) => !dump).toSorted((a, b) => (a.start < b.start ? -1 : 1))
  return ({ until, timeline, number }) => {
    if (until !== undefined) return until
    const end = (number + 1n) * size
    return byStart.find((backup) => backup.timeline >= timeline && backup.start >= end)?.startedAt
  }
}
