import type { LineStretch } from '../wal/timeline-history.ts'
import { decideWal } from './decide-wal.ts'
import type { Decision, KeepReason, Outcome, RemoveReason } from './decision.ts'
import { hasExpired } from './expiry.ts'
import type { BackupFacts, RetentionFacts } from './facts.ts'
import type { Keep, RetentionPolicy, RetentionRule } from './rules.ts'

/**
 * What of a repository stays and what goes, and why. Pure: the same facts give the same decisions. An earlier `now` never removes
 * more, so that a clock that steps back does no harm.
 *
 * Kept whatever its age: the newest backup not known to be damaged, the newest one verified, the newest of each scheduled rule while an
 * objective rests on backups, the backup in whose WAL the point-in-time window begins, what is held, what a restore reads, and
 * whatever a kept backup builds on.
 */
export function decideRetention(facts: RetentionFacts): Decision[] {
  const reasons = new Map<string, KeepReason[]>(facts.backups.map(({ id }) => [id, []]))
  const keep = (id: string | undefined, reason: KeepReason) => {
    if (id !== undefined) reasons.get(id)?.push(reason)
  }
  const byAge = facts.backups.toSorted((a, b) => a.stoppedAt - b.stoppedAt || (a.id < b.id ? -1 : 1))
  const usable = byAge.filter(({ sound }) => sound !== false)
  const onLine = usable.filter((backup) => isOn(facts.wal.line, backup))
  const windowStart = beginningOfWindow(facts, onLine)

  for (const backup of byAge) {
    const time = timeOf(backup, facts)
    if (!hasExpired(backup.stoppedAt, time.keep, facts.now, facts.timeZone)) keep(backup.id, time.reason)
  }
  // Each of its kind: a dump does not stand in for a backup that WAL continues.
  for (const kind of [true, undefined]) {
    keep(usable.findLast(({ dump }) => dump === kind)?.id, { why: 'newest' })
    keep(byAge.findLast(({ dump, sound }) => dump === kind && sound === true)?.id, { why: 'newest-verified' })
  }
  if (facts.objectives.length > 0) {
    for (const rule of facts.rules.values()) {
      if (!rule.scheduled) continue
      const newest = usable.findLast((backup) => ruleOf(backup, facts.rules)?.name === rule.name)
      keep(newest?.id, { why: 'objective', rule: rule.name, objectives: facts.objectives })
    }
  }
  if (facts.pointInTime) keep(windowStart?.id, { why: 'window', window: facts.pointInTime.window })
  for (const hold of facts.holds) {
    if (hold.until === undefined || hold.until > facts.now)
      keep(hold.backup, { why: 'hold', reason: hold.reason, until: hold.until })
  }
  const restoring = facts.runningRestores.filter(({ expiresAt }) => expiresAt > facts.now)
  for (const { backup, expiresAt } of restoring) keep(backup, { why: 'restoring', until: expiresAt })
  keepParents(byAge, reasons)

  const kept = byAge.filter(({ id }) => (reasons.get(id)?.length ?? 0) > 0)
  return [
    ...byAge.map((backup): Decision => ({ of: 'backup', id: backup.id, ...outcomeOf(backup, reasons, facts) })),
    ...decideWal({ facts, kept, restoring, windowStart, newest: onLine.at(-1) }),
  ]
}

function outcomeOf(
  backup: BackupFacts,
  reasons: ReadonlyMap<string, readonly KeepReason[]>,
  facts: RetentionFacts,
): Outcome {
  const [first, ...rest] = reasons.get(backup.id) ?? []
  if (first) return { outcome: 'keep', reasons: [first, ...rest] }
  const { keep, what } = timeOf(backup, facts)
  const expired: RemoveReason = {
    why: 'expired',
    what,
    keep: keep === 'forever' ? Number.POSITIVE_INFINITY : keep,
    madeAt: backup.stoppedAt,
  }
  return { outcome: 'remove', reasons: [expired] }
}

/** How long a backup is kept, and by what: its own time, its rule's, or that of backups taken by hand. */
export function timeOf(
  backup: BackupFacts,
  { rules, byHand }: Pick<RetentionPolicy, 'rules' | 'byHand'>,
): { keep: Keep; what: string; reason: KeepReason } {
  const { keep: own, stoppedAt: madeAt } = backup
  if (own !== undefined) {
    const label = backup.label || backup.id
    return { keep: own, what: `"${label}" is`, reason: { why: 'own-time', label, keep: own, madeAt } }
  }
  const rule = ruleOf(backup, rules)
  if (rule) {
    const { name, keep } = rule
    return { keep, what: `${name} is`, reason: { why: 'rule', rule: name, keep, madeAt } }
  }
  return {
    keep: byHand,
    what: 'backups taken by hand are',
    reason: { why: 'by-hand', keep: byHand, madeAt, formerRule: backup.rule },
  }
}

/** The rule a backup belongs to: the one that took it, else the one its label names. */
export function ruleOf(backup: BackupFacts, rules: ReadonlyMap<string, RetentionRule>): RetentionRule | undefined {
  return rules.get(backup.rule ?? backup.label)
}

/**
 * The newest backup that is older than the window: its WAL leads to every moment of it. While none is that old, the oldest one:
 * the window reaches back to where the backups begin.
 */
function beginningOfWindow(facts: RetentionFacts, onLine: readonly BackupFacts[]): BackupFacts | undefined {
  if (!facts.pointInTime) return undefined
  const begins = facts.now - facts.pointInTime.window
  return onLine.findLast(({ stoppedAt }) => stoppedAt <= begins) ?? onLine[0]
}

function isOn(line: readonly LineStretch[], backup: BackupFacts): boolean {
  const stretch = backup.dump ? undefined : line.find(({ timeline }) => timeline === backup.timeline)
  return stretch !== undefined && (stretch.end === undefined || backup.stop <= stretch.end)
}

function keepParents(backups: readonly BackupFacts[], reasons: ReadonlyMap<string, KeepReason[]>): void {
  const parents = new Map(backups.map(({ id, parent }) => [id, parent]))
  for (const { id } of backups) {
    if ((reasons.get(id)?.length ?? 0) === 0) continue
    const seen = new Set([id])
    for (let child = id, parent = parents.get(id); parent !== undefined && !seen.has(parent); ) {
      seen.add(parent)
      const known = reasons.get(parent)
      const of = child
      if (!known || known.some((reason) => reason.why === 'parent' && reason.of === of)) break
      known.push({ why: 'parent', of })
      child = parent
      parent = parents.get(parent)
    }
  }
}
