import { timestamp } from '../../clock.ts'
import { failure } from '../../errors.ts'
import type { BackupInfo } from '../backup/backup-info.ts'
import { readHead } from '../repository/head.ts'
import { listBackups } from '../repository/list-backups.ts'
import type { Repository } from '../repository/repository.ts'
import { isAboveFloor, readFloor, type WalFloor } from '../retention/wal-floor.ts'
import { formatLsn, type Lsn, parseLsn, segmentName, segmentStart } from '../wal/lsn.ts'
import { newestMark, readMark } from '../wal/stored-segment.ts'
import type { LineStretch } from '../wal/timeline-history.ts'
import {
  coveredBytes,
  heldBytes,
  newestLine,
  readInventory,
  type StoredSegment,
  segmentsAlong,
  type WalInventory,
  wayTo,
} from '../wal/wal-inventory.ts'
import { type LeftBranch, leftBranchAt } from './left-branch.ts'

/** What a restore to a moment takes. */
export interface RestorePoint {
  backup: BackupInfo
  at: 'latest' | number
  /** The timeline recovery follows. */
  timeline: number
  /** The WAL recovery reads, in order; only the last may be less than whole. */
  segments: StoredSegment[]
  histories: ReadonlyMap<number, string>
  /** Where that WAL ends. */
  end: Lsn
  /** Recovery ends as soon as the backup is whole: the state of the backup itself, for which no commit after it is needed. */
  asMade: boolean
  /** The branch the system was on at that moment, where it is not the one recovery follows. */
  leftBranch: LeftBranch | undefined
}

/** Where a restore begins and what it follows. */
export interface RestoreWay {
  /** Id of the backup to begin with; the newest before the moment unless told. */
  backup?: string
  /** The timeline to follow; that of the backup told when an earlier restore left it behind, else the newest. */
  timeline?: number
}

/** Moments that can be restored, milliseconds since the epoch, both included. */
export interface RestoreWindow {
  from: number
  to: number
}

/** The window of a repository; undefined without a backup or before the first heartbeat after it. */
export async function restoreWindow(repository: Repository): Promise<RestoreWindow | undefined> {
  const backups = await listBackups(repository)
  const first = backups[0]
  if (!first) return undefined
  const floor = await readFloor(repository)
  const inventory = await readInventory(repository, first.walSegmentBytes)
  const leading = backups.filter((backup) => leadsOn(floor, backup))
  return windowOf(leading, await newestMark(repository, inventory, newestLine(inventory)))
}

/** Whether the WAL after a backup is kept, so that moments after it can be restored. Of older ones only what makes them whole is. */
function leadsOn(floor: WalFloor, { timeline, startLsn }: BackupInfo): boolean {
  return isAboveFloor(floor, { timeline, start: parseLsn(startLsn) })
}

function windowOf(backups: readonly BackupInfo[], mark: { at: number } | undefined): RestoreWindow | undefined {
  const first = backups[0]
  if (!first || !mark || mark.at <= first.stoppedAt) return undefined
  // A commit at the very moment asked for must follow: the last mark itself is one moment too late.
  return { from: first.stoppedAt, to: mark.at - 1 }
}

/**
 * Finds what a restore needs, and that all of it is there, without writing anything.
 * @param at milliseconds since the epoch, or 'latest' for everything that is stored.
 * With a backup's own `stoppedAt` as the moment, the backup is restored as it was made, whatever became of the WAL after it.
 * @throws BACKUP_NONE, BACKUP_UNKNOWN, RESTORE_TIMELINE_UNKNOWN, RESTORE_OUTSIDE_WINDOW, RESTORE_WAL_REMOVED, RESTORE_WAL_MISSING,
 * OBJECT_DAMAGED.
 */
export async function findRestorePoint(
  repository: Repository,
  at: 'latest' | number,
  { backup: backupId, timeline }: RestoreWay = {},
): Promise<RestorePoint> {
  // Whoever names a backup needs the keys of that one only; how the others are related to it does not matter to it as it was made.
  const all = await listBackups(repository, { openable: backupId !== undefined })
  const any = all[0]
  if (!any) throw failure('BACKUP_NONE', { place: repository.store.place, system: repository.system })
  const named = all.find(({ id }) => id === backupId)
  if (named && at === named.stoppedAt) return asMade(await readInventory(repository, any.walSegmentBytes), named)
  // Before the inventory: a receiver at work stores more between the two looks, never less.
  const head = await readHead(repository)
  const inventory = await readInventory(repository, any.walSegmentBytes)
  const chosen = timeline ?? leftTimeline(inventory, named)
  const line = chosen === undefined ? newestLine(inventory) : lineOf(inventory, chosen)
  const floor = await readFloor(repository)
  if (named && !leadsOn(floor, named)) {
    throw failure('RESTORE_WAL_REMOVED', { id: named.id, at: at === 'latest' ? at : timestamp(at) })
  }
  const backups = all.filter((backup) => isOn(line, backup) && leadsOn(floor, backup))
  const window = windowOf(backups, await newestMark(repository, inventory, line))
  const outside = () => {
    const [from, to] = [window ? timestamp(window.from) : 'none', window ? timestamp(window.to) : 'none']
    return failure('RESTORE_OUTSIDE_WINDOW', { at: at === 'latest' ? at : timestamp(at), from, to })
  }
  if (at !== 'latest' && (!window || at < window.from || at > window.to)) throw outside()

  const candidates = backups.filter(
    (backup) => (at === 'latest' || backup.stoppedAt <= at) && (backupId === undefined || backup.id === backupId),
  )
  const backup = candidates.at(-1)
  if (!backup) {
    if (backupId !== undefined && !all.some(({ id }) => id === backupId))
      throw failure('BACKUP_UNKNOWN', { id: backupId })
    throw outside()
  }
  const found = walFrom(inventory, line, parseLsn(backup.startLsn))
  if (found.end < parseLsn(backup.stopLsn)) throw missing(found, inventory, line)
  const segments =
    at === 'latest'
      ? untilLatest(inventory, line, found, head)
      : await untilMoment(repository, inventory, line, found, at)
  return {
    backup,
    at,
    timeline: line.at(-1)?.timeline ?? 1,
    segments,
    histories: inventory.histories,
    end: segments === found.segments ? found.end : endOf(segments, inventory.segmentBytes),
    asMade: false,
    leftBranch: at === 'latest' ? undefined : await leftBranchAt(repository, inventory, line, at),
  }
}

/** The backup with the WAL from its beginning to its end, on its own timeline. */
function asMade(inventory: WalInventory, backup: BackupInfo): RestorePoint {
  const { segmentBytes } = inventory
  const line = wayTo(inventory, backup.timeline)
  const own = line.map((stretch) => (stretch.timeline === backup.timeline ? { ...stretch, end: undefined } : stretch))
  const found = walFrom(inventory, own, parseLsn(backup.startLsn))
  const stop = parseLsn(backup.stopLsn)
  if (found.end < stop) throw missing(found, inventory, own)
  const segments = found.segments.filter(({ segment }) => segmentStart(segment, segmentBytes) < stop)
  return {
    backup,
    at: backup.stoppedAt,
    timeline: backup.timeline,
    segments,
    histories: inventory.histories,
    end: endOf(segments, segmentBytes),
    asMade: true,
    leftBranch: undefined,
  }
}

/** The timeline of a backup that an earlier restore left behind. */
function leftTimeline(inventory: WalInventory, named: BackupInfo | undefined): number | undefined {
  return named && !isOn(newestLine(inventory), named) ? named.timeline : undefined
}

/** @throws RESTORE_TIMELINE_UNKNOWN */
function lineOf(inventory: WalInventory, timeline: number): LineStretch[] {
  if (inventory.timelines.has(timeline)) return wayTo(inventory, timeline)
  const known = [...inventory.timelines.keys()].sort((a, b) => a - b)
  throw failure('RESTORE_TIMELINE_UNKNOWN', { timeline: String(timeline), known: known.join(', ') || 'none' })
}

/** A backup of a branch that was abandoned by an earlier restore does not lead to the present. */
function isOn(line: readonly LineStretch[], backup: BackupInfo): boolean {
  const stretch = line.find(({ timeline }) => timeline === backup.timeline)
  return stretch !== undefined && (stretch.end === undefined || parseLsn(backup.stopLsn) <= stretch.end)
}

interface FoundWal {
  segments: StoredSegment[]
  end: Lsn
}

function walFrom(inventory: WalInventory, line: readonly LineStretch[], from: Lsn): FoundWal {
  const { segmentBytes } = inventory
  const segments: StoredSegment[] = []
  for (const { stored } of segmentsAlong(inventory, line, from)) {
    const covered = coveredBytes(stored, segmentBytes)
    if (!stored || covered === 0) break
    segments.push(stored)
    if (covered < segmentBytes) break
  }
  return { segments, end: segments.length === 0 ? from : endOf(segments, segmentBytes) }
}

function endOf(segments: readonly StoredSegment[], segmentBytes: number): Lsn {
  const last = segments.at(-1)
  return last ? segmentStart(last.segment, segmentBytes) + BigInt(coveredBytes(last, segmentBytes)) : 0n
}

/** Everything up to the end, provided that it is the end: WAL behind a hole must not be left out in silence. */
function untilLatest(
  inventory: WalInventory,
  line: readonly LineStretch[],
  found: FoundWal,
  head: ReadonlyMap<number, Lsn>,
): StoredSegment[] {
  const last = line.at(-1)
  const { segmentBytes } = inventory
  const stored = [...(inventory.timelines.get(last?.timeline ?? 1)?.values() ?? [])]
  const behind = stored.some(
    (each) => segmentStart(each.segment, segmentBytes) + BigInt(heldBytes(each, segmentBytes)) > found.end,
  )
  const reached = head.get(last?.timeline ?? 1)
  if (behind || (reached !== undefined && reached > found.end)) throw missing(found, inventory, line)
  return found.segments
}

/** As far as the first segment that tells of a later moment; marks only grow along the way. */
async function untilMoment(
  repository: Repository,
  inventory: WalInventory,
  line: readonly LineStretch[],
  found: FoundWal,
  at: number,
): Promise<StoredSegment[]> {
  let low = 0
  let high = found.segments.length
  while (low < high) {
    const middle = (low + high) >> 1
    const stored = found.segments[middle]
    const mark = stored && (await readMark(repository, stored, inventory.segmentBytes))
    if (mark && mark.at > at) high = middle
    else low = middle + 1
  }
  if (low === found.segments.length) throw missing(found, inventory, line)
  return found.segments.slice(0, low + 1)
}

function missing(found: FoundWal, inventory: WalInventory, line: readonly LineStretch[]): Error {
  const [next] = [...segmentsAlong(inventory, line, found.end)]
  const segment = next ? segmentName(next.segment, inventory.segmentBytes) : 'unknown'
  return failure('RESTORE_WAL_MISSING', { from: formatLsn(found.end), segment })
}
