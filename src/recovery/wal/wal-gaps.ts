import { timestamp } from '../../clock.ts'
import { readHead } from '../repository/head.ts'
import { layout, parseKey } from '../repository/layout.ts'
import { listBackups } from '../repository/list-backups.ts'
import type { Repository } from '../repository/repository.ts'
import { isAboveFloor, readFloor } from '../retention/wal-floor.ts'
import { type Lsn, parseLsn, segmentName, segmentStart } from './lsn.ts'
import { readMark } from './stored-segment.ts'
import type { LineStretch } from './timeline-history.ts'
import {
  coveredBytes,
  heldBytes,
  newestLine,
  readInventory,
  type StoredSegment,
  type WalInventory,
} from './wal-inventory.ts'

/** WAL that is not in the repository, between what is. */
export interface WalGap {
  timeline: number
  /** Where what is missing begins. */
  from: Lsn
  /** Where WAL goes on; undefined when only the end is missing. */
  to: Lsn | undefined
  /** Name of the first segment that is not there, or not whole. */
  segment: string
  /** The server had removed that WAL before it was received; else the repository lost it. */
  known: boolean
  /**
   * Moments that cannot be restored, milliseconds since the epoch: those after `from` and before `to`. Without `to` all later
   * ones as well: a base backup is due, and ends it.
   */
  moments: { from: number | undefined; to: number | undefined }
}

/** A gap in words, for lists. */
export function describeGap({ segment, known, moments }: WalGap): string {
  const from = moments.from === undefined ? 'the oldest backup' : timestamp(moments.from)
  const to = moments.to === undefined ? 'now on, until a new base backup is taken' : timestamp(moments.to)
  const why = known ? 'the server had removed it before it was received' : 'it is missing from the store'
  return `Moments between ${from} and ${to} cannot be restored: WAL from segment ${segment} on; ${why}.`
}

/** Whether only a new base backup makes the present restorable again. */
export function needsBaseBackup(gaps: readonly WalGap[]): boolean {
  return gaps.some(({ moments }) => moments.to === undefined)
}

/**
 * Every gap between the oldest backup and the end of the WAL, oldest first, so that nobody learns of one by a restore that fails.
 * Reads the names of objects, and the heads of a few of them at every gap.
 */
export async function walGaps(repository: Repository): Promise<WalGap[]> {
  const all = await listBackups(repository)
  const any = all[0]
  if (!any) return []
  // Before the inventory: a receiver at work stores more between the two looks, never less.
  const head = await readHead(repository)
  const inventory = await readInventory(repository, any.walSegmentBytes)
  const line = newestLine(inventory)
  const backups = all.filter(({ timeline, stopLsn }) => {
    const stretch = line.find((each) => each.timeline === timeline)
    return stretch !== undefined && (stretch.end === undefined || parseLsn(stopLsn) <= stretch.end)
  })
  // What lies before the floor was removed on purpose: backups there stand for their own moment only.
  const floor = await readFloor(repository)
  const starts = backups.flatMap(({ timeline, startLsn }) => {
    const start = parseLsn(startLsn)
    return isAboveFloor(floor, { timeline, start }) ? [start] : []
  })
  const begin = starts.reduce<Lsn | undefined>(
    (least, lsn) => (least === undefined || lsn < least ? lsn : least),
    undefined,
  )
  if (begin === undefined) return []

  const noted = await notedGaps(repository, inventory.segmentBytes)
  const gaps: WalGap[] = []
  for (const { timeline, number, from, to } of missingWal(inventory, line, begin, head)) {
    const segment = segmentName({ timeline, number }, inventory.segmentBytes)
    const last = await markBefore(repository, inventory, line, number)
    const previous = backups.findLast(({ stopLsn }) => parseLsn(stopLsn) <= from)?.stoppedAt
    const next = to === undefined ? undefined : backups.find(({ startLsn }) => parseLsn(startLsn) >= to)?.stoppedAt
    const known = noted.some((each) => each.from < (to ?? from + 1n) && from < each.to)
    gaps.push({ timeline, from, to, segment, known, moments: { from: last ?? previous, to: next } })
  }
  return gaps
}

interface Missing {
  timeline: number
  number: bigint
  from: Lsn
  to: Lsn | undefined
}

/** Stretches that are missing along a line, in order. */
function missingWal(
  inventory: WalInventory,
  line: readonly LineStretch[],
  begin: Lsn,
  head: ReadonlyMap<number, Lsn>,
): Missing[] {
  const { segmentBytes } = inventory
  const size = BigInt(segmentBytes)
  const newest = line.at(-1)?.timeline ?? 1
  const numbers = [...(inventory.timelines.get(newest)?.keys() ?? [])]
  const final = numbers.reduce((most, number) => (number > most ? number : most), 0n)
  const found: Missing[] = []
  let open: Missing | undefined
  let end = begin
  for (let number = begin / size; number <= final; number++) {
    const timeline = line.findLast(({ start }) => start / size <= number)?.timeline ?? newest
    const stored: StoredSegment | undefined = inventory.timelines.get(timeline)?.get(number)
    const start = segmentStart({ timeline, number }, segmentBytes)
    const covered = coveredBytes(stored, segmentBytes)
    if (open && covered > 0) {
      open.to = start
      open = undefined
    }
    end = start + BigInt(covered)
    const held = heldBytes(stored, segmentBytes)
    if (covered === segmentBytes || (number === final && covered === held)) continue
    open ??= { timeline, number, from: end, to: undefined }
    if (found.at(-1) !== open) found.push(open)
    const behind = stored?.pieces.find((piece) => piece.from > covered)
    // Pieces behind a hole of the newest segment: WAL goes on in the middle of it, and no base backup begins there yet.
    if (number === final && behind) open.to = start + BigInt(behind.from)
  }
  const reached = head.get(newest)
  if (!open && reached !== undefined && reached > end) {
    found.push({ timeline: newest, number: end / size, from: end, to: undefined })
  }
  return found
}

/** The last moment known from WAL before a segment, that segment's beginning included. */
async function markBefore(
  repository: Repository,
  inventory: WalInventory,
  line: readonly LineStretch[],
  number: bigint,
): Promise<number | undefined> {
  const size = BigInt(inventory.segmentBytes)
  for (let at = number; at >= 0n && at > number - 64n; at--) {
    const stretch = line.findLast(({ start }) => start / size <= at)
    const stored = stretch && inventory.timelines.get(stretch.timeline)?.get(at)
    const mark = stored && (await readMark(repository, stored, inventory.segmentBytes))
    if (mark) return mark.at
  }
  return undefined
}

async function notedGaps(repository: Repository, segmentBytes: number): Promise<{ from: Lsn; to: Lsn }[]> {
  const noted: { from: Lsn; to: Lsn }[] = []
  for await (const { key } of repository.store.list(layout.gaps)) {
    const parsed = parseKey(key, segmentBytes)
    if (parsed?.kind === 'gap') noted.push({ from: parsed.from, to: parsed.to })
  }
  return noted
}
