import { type Clock, timestamp } from '../../clock.ts'
import { AvalError, messageOf } from '../../errors.ts'
import { backupInfoSchema } from '../backup/backup-info.ts'
import { findBroken } from '../backup/broken-backups.ts'
import { removeSettledErasures } from '../erasures/journal.ts'
import { dumpLayout } from '../logical/dump-layout.ts'
import { layout, parseKey } from '../repository/layout.ts'
import { type Repository, readJson } from '../repository/repository.ts'
import { wasHeld } from '../stores/lease.ts'
import type { Lsn } from '../wal/lsn.ts'
import { decideRetention } from './decide.ts'
import { type Decision, explain, span } from './decision.ts'
import { readHolds } from './hold.ts'
import { readMarks } from './reading-mark.ts'
import type { RetentionPolicy } from './rules.ts'
import { backupFacts, type Survey, surveyRepository } from './survey.ts'
import { tombstones, writeTombstone } from './tombstone.ts'
import { raiseFloor, readFloor, type WalFloor } from './wal-floor.ts'

export interface PruneOptions {
  repository: Repository
  policy: RetentionPolicy
  clock: Clock
  /** What decides; another one only where a proof must see that a wrong one is noticed. */
  decide?: typeof decideRetention
  /**
   * Backups that do not lie in the repository itself, such as those of an engine with a store of its own: records of erasures older than any
   * of them stay. Where it cannot be told, all of them stay.
   */
  elsewhere?: () => Promise<readonly { startedAt: number }[]>
  /** Decides and explains only. */
  dryRun?: boolean
  onProgress?: (progress: { objects: number; key: string }) => void
  signal?: AbortSignal
}

export interface PruneReport {
  decisions: { decision: Decision; says: string }[]
  /** Ids of the backups that are gone now. */
  removed: string[]
  /** Of those, what an earlier removal had begun. */
  finished: string[]
  /** Backups that were broken off and never were any; in words. */
  broken: { id: string; says: string }[]
  segments: number
  objects: number
  bytes: number
  /** Objects the store would not let go, such as those under Object Lock. They are tried again the next time. */
  refused: { key: string; says: string }[]
}

/**
 * Removes what `decideRetention` lets go. May be broken off at any point and given again: a backup first gets a tombstone and is no
 * backup from then on; the floor of the WAL is raised before any segment goes. What is left in between is told by verification as
 * unfinished, and by nobody as a loss.
 * @throws OBJECT_DAMAGED, OBJECT_MISSING, errors of the store other than a refusal, or the signal's reason.
 */
export async function pruneRepository(options: PruneOptions): Promise<PruneReport> {
  const { repository, policy, clock, signal, decide = decideRetention } = options
  const now = clock.now()
  const survey = await surveyRepository(repository, policy, now)
  const decided = decide(survey.facts)
  const report: PruneReport = {
    decisions: decided.map((decision) => ({
      decision,
      says: explain(decision, { now, timeZone: policy.timeZone }),
    })),
    removed: [],
    finished: [...(await tombstones(repository))],
    broken: [],
    segments: 0,
    objects: 0,
    bytes: 0,
    refused: [],
  }
  const broken = await abandoned(repository, clock)
  report.broken = broken.map(({ id, says }) => ({ id, says }))
  if (options.dryRun) return report
  const remove = remover(options, report)

  const doomed = await condemn(repository, survey, report, remove, decide)
  for (const id of [...report.finished, ...doomed]) {
    signal?.throwIfAborted()
    if (await removeBackup(repository, id, remove)) report.removed.push(id)
  }
  await removeWal(options, survey, report, remove)
  for (const { keys } of broken) for (const key of keys) await remove(key)
  await removeLeavings(repository, now, remove)
  await removeSettledErasures(repository, remove, () => backupsElsewhere(options, report))
  return report
}

/** A backup that cannot be listed may be as old as any: no record of an erasure goes then. */
async function backupsElsewhere(
  { elsewhere }: PruneOptions,
  report: PruneReport,
): Promise<readonly { startedAt: number }[]> {
  try {
    return (await elsewhere?.()) ?? []
  } catch (error) {
    report.refused.push({ key: layout.erasures, says: messageOf(error) })
    return [{ startedAt: Number.NEGATIVE_INFINITY }]
  }
}

const brokenForMs = 24 * 3_600_000

/**
 * What backups left that were broken off a day ago or longer, and that nobody may still be writing. A store that was never written to by a
 * holder is a copy: what lies in it unfinished may be on its way in.
 */
async function abandoned(
  repository: Repository,
  clock: Clock,
): Promise<{ id: string; says: string; keys: readonly string[] }[]> {
  if (!(await wasHeld(repository))) return []
  return (await findBroken(repository, clock)).flatMap(({ id, keys, began }) => {
    const age = began === undefined ? 0 : clock.now() - began
    if (began === undefined || age <= brokenForMs) return []
    const objects = keys.length === 1 ? 'one object' : `${keys.length} objects`
    const says = `removed: it was broken off and never was a backup; began ${timestamp(began)}, ${span(age)} ago, and left ${objects}`
    return [{ id, says, keys }]
  })
}

/** @returns whether it is gone now. */
type Remove = (key: string) => Promise<boolean>

/** Removes one object where it is there; a store that refuses is told of, and is no reason to stop. */
function remover({ repository, onProgress, signal }: PruneOptions, report: PruneReport): Remove {
  return async (key) => {
    signal?.throwIfAborted()
    const entry = await repository.store.stat(key)
    if (!entry) return true
    try {
      await repository.store.delete(key)
    } catch (error) {
      if (!isRefusal(error)) throw error
      report.refused.push({ key, says: messageOf(error) })
      return false
    }
    report.objects += 1
    report.bytes += entry.size
    onProgress?.({ objects: report.objects, key })
    return true
  }
}

function isRefusal(error: unknown): boolean {
  const code: string = error instanceof AvalError ? error.code : ''
  return code === 'STORE_DENIED' || code === 'STORE_REFUSED' || code === 'STORE_LOCKED'
}

/**
 * Puts a tombstone on every backup that goes, what builds on others first, then looks again for holds and restores that came
 * meanwhile and takes back the tombstones of what they need.
 */
async function condemn(
  repository: Repository,
  survey: Survey,
  report: PruneReport,
  remove: Remove,
  decide: typeof decideRetention,
): Promise<string[]> {
  const goes = new Map(
    report.decisions.flatMap(({ decision, says }) =>
      decision.of === 'backup' && decision.outcome === 'remove' ? [[decision.id, says]] : [],
    ),
  )
  const newestFirst = survey.facts.backups.filter(({ id }) => goes.has(id)).toReversed()
  for (const { id } of newestFirst) {
    await writeTombstone(repository, { id, at: survey.facts.now, reason: goes.get(id) ?? '' })
  }
  if (newestFirst.length === 0) return []
  const again = decide(await withFreshClaims(repository, survey))
  const kept = new Set(again.flatMap((each) => (each.of === 'backup' && each.outcome === 'keep' ? [each.id] : [])))
  for (const { id } of newestFirst) if (kept.has(id)) await remove(layout.removed(id))
  return newestFirst.flatMap(({ id }) => (kept.has(id) ? [] : [id]))
}

async function withFreshClaims(repository: Repository, { facts }: Survey): Promise<Survey['facts']> {
  const [holds, runningRestores] = [await readHolds(repository), await readMarks(repository)]
  // After the marks: a backup that was being taken on one that is to go has its mark still, or is there by now.
  const backups = [...facts.backups]
  for await (const { key } of repository.store.list(layout.backups)) {
    const what = parseKey(key, facts.wal.segmentBytes)
    if (what?.kind !== 'backup' || backups.some(({ id }) => id === what.id)) continue
    backups.push(backupFacts(await readJson(repository, key, backupInfoSchema), undefined))
  }
  return { ...facts, backups, holds, runningRestores }
}

/** @returns whether nothing of it is left. */
async function removeBackup(repository: Repository, id: string, remove: Remove): Promise<boolean> {
  // What makes it a backup goes first, what is large last; the entry of the catalogue only when nothing is left to look for.
  let whole = (await remove(layout.backup(id))) && (await remove(dumpLayout.dump(id)))
  for (const prefix of [`${layout.backups}${id}/`, dumpLayout.of(id), `${layout.holds}${id}/`]) {
    const left: string[] = []
    for await (const { key } of repository.store.list(prefix)) left.push(key)
    const rank = (key: string) => (key === layout.manifest(id) || key === dumpLayout.manifest(id) ? 0 : 1)
    for (const key of left.sort((a, b) => rank(a) - rank(b))) whole = (await remove(key)) && whole
  }
  whole = (await remove(layout.checked(id))) && whole
  whole = whole && (await remove(layout.listed(id))) && (await remove(dumpLayout.listed(id)))
  return whole && (await remove(layout.removed(id)))
}

async function removeWal(options: PruneOptions, survey: Survey, report: PruneReport, remove: Remove): Promise<void> {
  const { repository, signal, decide = decideRetention } = options
  const { segmentBytes } = survey.facts.wal
  const decided = decide(await withFreshClaims(repository, survey))
  const floor = floorOf(decided, segmentBytes)
  if (floor.size === 0) return
  await raiseFloor(repository, await readFloor(repository), floor)
  // Whoever began to read before the floor was raised has left its mark by now.
  const final = decide(await withFreshClaims(repository, survey))
  for (const decision of final) {
    if (decision.of !== 'wal' || decision.outcome !== 'remove') continue
    const ofTimeline = survey.inventory.timelines.get(decision.timeline)
    for (let number = decision.from; number < decision.to; number++) {
      signal?.throwIfAborted()
      const stored = ofTimeline?.get(number)
      const keys = [
        ...(stored?.pieces ?? []).map(({ key }) => key),
        ...(stored?.whole === undefined ? [] : [stored.whole]),
      ]
      let gone = keys.length > 0
      for (const key of keys) gone = (await remove(key)) && gone
      if (gone) report.segments += 1
    }
  }
}

/** Up to where WAL of each timeline goes; what backups need of it before that stays. */
function floorOf(decisions: readonly Decision[], segmentBytes: number): WalFloor {
  const floor = new Map<number, Lsn>()
  for (const decision of decisions) {
    if (decision.of !== 'wal' || decision.outcome !== 'remove') continue
    const end = decision.to * BigInt(segmentBytes)
    if (end > (floor.get(decision.timeline) ?? 0n)) floor.set(decision.timeline, end)
  }
  return floor
}

/** Marks of restores that died, a day after their time. */
async function removeLeavings(repository: Repository, now: number, remove: Remove): Promise<void> {
  for (const { key, expiresAt } of await readMarks(repository)) {
    if (expiresAt + 24 * 3_600_000 < now) await remove(key)
  }
}
