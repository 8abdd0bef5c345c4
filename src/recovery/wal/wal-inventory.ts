import { layout, parseKey } from '../repository/layout.ts'
import { type Repository, readWhole } from '../repository/repository.ts'
import { type Lsn, type Segment, segmentAt, segmentStart } from './lsn.ts'
import { type LineStretch, lineTo } from './timeline-history.ts'

export interface Piece {
  key: string
  from: number
  to: number
}

/** What the repository holds of one segment. */
export interface StoredSegment {
  segment: Segment
  /** Key of the whole segment. */
  whole: string | undefined
  /** In the order of their beginnings; they may overlap. */
  pieces: Piece[]
}

/** All WAL of a repository, by timeline and segment number, and how its timelines branched. */
export interface WalInventory {
  segmentBytes: number
  timelines: ReadonlyMap<number, ReadonlyMap<bigint, StoredSegment>>
  /** Timeline history files, by timeline. */
  histories: ReadonlyMap<number, string>
}

export async function readInventory(repository: Repository, segmentBytes: number): Promise<WalInventory> {
  const timelines = await listStoredWal(repository, segmentBytes)
  const histories = new Map<number, string>()
  for (const [timeline, key] of await listHistories(repository, segmentBytes)) {
    histories.set(timeline, (await readWhole(repository, key)).toString('utf8'))
  }
  return { segmentBytes, timelines, histories }
}

/** Keys of the timeline history files, by timeline. To be listed after the WAL: a timeline's history is stored before its WAL. */
export async function listHistories(repository: Repository, segmentBytes: number): Promise<Map<number, string>> {
  const keys = new Map<number, string>()
  for await (const { key } of repository.store.list(layout.histories)) {
    const parsed = parseKey(key, segmentBytes)
    if (parsed?.kind === 'history') keys.set(parsed.timeline, key)
  }
  return keys
}

/** What is stored of each segment, by timeline and segment number; made from keys alone. */
export async function listStoredWal(
  repository: Repository,
  segmentBytes: number,
): Promise<Map<number, Map<bigint, StoredSegment>>> {
  const timelines = new Map<number, Map<bigint, StoredSegment>>()
  const entry = (segment: Segment): StoredSegment => {
    const ofTimeline = timelines.get(segment.timeline) ?? new Map<bigint, StoredSegment>()
    timelines.set(segment.timeline, ofTimeline)
    const stored = ofTimeline.get(segment.number) ?? { segment, whole: undefined, pieces: [] }
    ofTimeline.set(segment.number, stored)
    return stored
  }
  // Pieces first: a segment that becomes whole meanwhile loses its pieces only after it is there.
  for (const { segment, ...piece } of await listPieces(repository, layout.partial, segmentBytes)) {
    entry(segment).pieces.push(piece)
  }
  for await (const { key } of repository.store.list(layout.wal)) {
    const parsed = parseKey(key, segmentBytes)
    if (parsed?.kind === 'segment') entry(parsed.segment).whole = key
  }
  return timelines
}

/**
 * The pieces below a prefix, in the order of their beginnings. A listing that is made while a receiver joins pieces may show neither
 * the joined one nor those that went into it. Listed twice, one of the two shows it: what is joined stays for sixteen joins more. Some
 * of what is named may be gone by then, and whoever reads it looks at the segment again.
 */
export async function listPieces(
  repository: Repository,
  prefix: string,
  segmentBytes: number,
): Promise<(Piece & { segment: Segment })[]> {
  const pieces = new Map<string, Piece & { segment: Segment }>()
  for (let time = 1; time <= 2; time++) {
    for await (const { key } of repository.store.list(prefix)) {
      const parsed = parseKey(key, segmentBytes)
      if (parsed?.kind === 'piece') pieces.set(key, { segment: parsed.segment, key, from: parsed.from, to: parsed.to })
    }
  }
  return [...pieces.values()].sort((a, b) => a.from - b.from)
}

/** How many bytes of a segment are there from its beginning without a gap. */
export function coveredBytes(stored: StoredSegment | undefined, segmentBytes: number): number {
  if (!stored) return 0
  if (stored.whole !== undefined) return segmentBytes
  let covered = 0
  for (const piece of stored.pieces) {
    if (piece.from <= covered) covered = Math.max(covered, piece.to)
  }
  return covered
}

/** Bytes of a segment up to the last one that is there, whatever is missing before it. */
export function heldBytes(stored: StoredSegment | undefined, segmentBytes: number): number {
  if (!stored) return 0
  return stored.whole === undefined ? Math.max(0, ...stored.pieces.map((piece) => piece.to)) : segmentBytes
}

/** The last position stored of a timeline, whatever lies before it; undefined when nothing is. */
export function storedEnd(inventory: WalInventory, timeline: number): Lsn | undefined {
  let last: StoredSegment | undefined
  for (const stored of inventory.timelines.get(timeline)?.values() ?? []) {
    if (coveredBytes(stored, inventory.segmentBytes) === 0) continue
    if (!last || stored.segment.number > last.segment.number) last = stored
  }
  if (!last) return undefined
  return segmentStart(last.segment, inventory.segmentBytes) + BigInt(coveredBytes(last, inventory.segmentBytes))
}

/** How far WAL reaches on one timeline without a gap, beginning with the segment of `from`; `from` itself when it is not there. */
export function coveredFrom(inventory: WalInventory, timeline: number, from: Lsn): Lsn {
  const { segmentBytes } = inventory
  const ofTimeline = inventory.timelines.get(timeline)
  let end = from
  for (let { number } = segmentAt(timeline, from, segmentBytes); ; number++) {
    const covered = coveredBytes(ofTimeline?.get(number), segmentBytes)
    const reached = number * BigInt(segmentBytes) + BigInt(covered)
    if (reached > end) end = reached
    if (covered < segmentBytes) return end
  }
}

/** The way to the newest timeline that WAL is stored of. */
export function newestLine(inventory: WalInventory): LineStretch[] {
  return wayTo(inventory, Math.max(1, ...inventory.timelines.keys()))
}

/** The way to a timeline by the history that is stored of it. */
export function wayTo({ histories }: Pick<WalInventory, 'histories'>, timeline: number): LineStretch[] {
  return lineTo(timeline, histories.get(timeline))
}

/**
 * The segments recovery reads on the way from `from`, in order: where a timeline branches off inside a segment the newer
 * timeline's file counts, which begins with a copy of the older one's bytes.
 */
export function* segmentsAlong(
  inventory: WalInventory,
  line: readonly LineStretch[],
  from: Lsn,
): Generator<{ segment: Segment; stored: StoredSegment | undefined }> {
  const size = BigInt(inventory.segmentBytes)
  for (let number = from / size; ; number++) {
    const stretch = line.findLast(({ start }) => start / size <= number)
    if (!stretch) return
    const segment = { timeline: stretch.timeline, number }
    const stored = inventory.timelines.get(stretch.timeline)?.get(number)
    yield { segment, stored }
    if (!stored) return
  }
}
