import type { BackupInfo } from '../backup/backup-info.ts'
import type { DumpInfo } from '../logical/dump-info.ts'
import { listDumps } from '../logical/list-dumps.ts'
import { listBackups } from '../repository/list-backups.ts'
import type { Repository } from '../repository/repository.ts'
import { readServerIdentity } from '../repository/server-identity.ts'
import { parseLsn } from '../wal/lsn.ts'
import { readMark } from '../wal/stored-segment.ts'
import { newestLine, readInventory, type StoredSegment, type WalInventory } from '../wal/wal-inventory.ts'
import { type Checked, readChecked } from './checked.ts'
import { decideRetention } from './decide.ts'
import { hasExpired } from './expiry.ts'
import type { BackupFacts, RetentionFacts, SegmentFacts } from './facts.ts'
import { readHolds } from './hold.ts'
import { readMarks } from './reading-mark.ts'
import type { RetentionPolicy } from './rules.ts'

/** What retention is decided on, read from a repository. */
export interface Survey {
  infos: readonly BackupInfo[]
  dumps: readonly DumpInfo[]
  checked: ReadonlyMap<string, Checked>
  inventory: WalInventory
  facts: RetentionFacts
}

/** Reads everything retention depends on. The age of WAL is asked of the segments themselves, as few of them as will do. */
export async function surveyRepository(repository: Repository, policy: RetentionPolicy, now: number): Promise<Survey> {
  const infos = await listBackups(repository)
  const dumps = await listDumps(repository)
  const checked = await readChecked(repository)
  const segmentBytes = infos[0]?.walSegmentBytes ?? (await segmentSize(repository))
  const inventory = await readInventory(repository, segmentBytes)
  const segments = inOrder(inventory)
  const facts: RetentionFacts = {
    ...policy,
    backups: [
      ...infos.map((info) => backupFacts(info, checked.get(info.id))),
      ...dumps.map((dump) => dumpFacts(dump, checked.get(dump.id))),
    ],
    wal: { segmentBytes, line: newestLine(inventory), segments: segments.map(({ segment }) => segment) },
    holds: await readHolds(repository),
    runningRestores: await readMarks(repository),
    now,
  }
  const aged = await withAges(repository, facts, segments)
  return { infos, dumps, checked, inventory, facts: { ...facts, wal: { ...facts.wal, segments: aged } } }
}

export function backupFacts(info: BackupInfo, checked: Checked | undefined): BackupFacts {
  const { id, label, rule, keep, timeline, startLsn, stopLsn, startedAt, stoppedAt } = info
  return {
    id,
    label,
    rule,
    keep,
    parent: info.parent,
    sound: checked?.sound,
    timeline,
    start: parseLsn(startLsn),
    stop: parseLsn(stopLsn),
    startedAt,
    stoppedAt,
  }
}

/** A dump as a backup without WAL. */
export function dumpFacts(dump: DumpInfo, checked: Checked | undefined): BackupFacts {
  const { id, label, rule, keep, startedAt, stoppedAt } = dump
  const sound = checked?.sound
  return { id, label, rule, keep, sound, dump: true, timeline: 0, start: 0n, stop: 0n, startedAt, stoppedAt }
}

async function segmentSize(repository: Repository): Promise<number> {
  return (await readServerIdentity(repository))?.walSegmentBytes ?? 2 ** 24
}

function inOrder(inventory: WalInventory): StoredSegment[] {
  return [...inventory.timelines.keys()]
    .sort((a, b) => a - b)
    .flatMap((timeline) =>
      [...(inventory.timelines.get(timeline)?.values() ?? [])].sort((a, b) =>
        a.segment.number < b.segment.number ? -1 : 1,
      ),
    )
}

/**
 * Fills in how old WAL is, where it matters: of the segments that only their age could keep, the last one whose age is over is
 * searched for by halves, since moments only grow along a timeline. What lies before it is at least as old.
 */
async function withAges(
  repository: Repository,
  facts: RetentionFacts,
  stored: readonly StoredSegment[],
): Promise<SegmentFacts[]> {
  const ancient = stored.map(({ segment }) => ({ ...segment, until: 0 }))
  const decisions = decideRetention({ ...facts, wal: { ...facts.wal, segments: ancient } })
  const open = decisions.flatMap((each) => {
    if (each.of !== 'wal') return []
    // What belongs to a backup must be dated as well: taken for younger than it is, it would keep everything after it.
    const { why } = each.reasons[0]
    return each.outcome === 'remove' || why === 'wal-of' || why === 'restoring' ? [each] : []
  })
  const segments: SegmentFacts[] = stored.map(({ segment }) => segment)
  for (const timeline of new Set(open.map((each) => each.timeline))) {
    const keep = facts.walKeep ?? facts.byHand
    const candidates = stored.flatMap((each, index) =>
      each.segment.timeline === timeline &&
      open.some(
        ({ from, to, ...stretch }) =>
          stretch.timeline === timeline && from <= each.segment.number && each.segment.number < to,
      )
        ? [index]
        : [],
    )
    let [low, high] = [0, candidates.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const index = candidates[middle] ?? 0
      const segment = stored[index]
      const mark = segment && (await readMark(repository, segment, facts.wal.segmentBytes))
      if (segment && mark) segments[index] = { ...segment.segment, until: mark.at }
      if (mark && hasExpired(mark.at, keep, facts.now, facts.timeZone)) low = middle + 1
      else high = middle
    }
    const last = candidates[low - 1]
    const until = last === undefined ? undefined : segments[last]?.until
    if (until === undefined) continue
    for (const index of candidates.slice(0, low)) {
      const segment = stored[index]
      if (segment && segments[index]?.until === undefined) segments[index] = { ...segment.segment, until }
    }
  }
  return segments
}
