import { setTimeout } from 'node:timers/promises'
import { AvalError, failure } from '../../errors.ts'
import { release } from '../repository/chunk-cipher.ts'
import { layout } from '../repository/layout.ts'
import type { Repository } from '../repository/repository.ts'
import type { Mark } from './heartbeat.ts'
import { formatLsn, parseLsn, type Segment } from './lsn.ts'
import type { LineStretch } from './timeline-history.ts'
import { coveredBytes, listPieces, type StoredSegment, type WalInventory } from './wal-inventory.ts'

/** What the repository holds of a segment now; an inventory grows old while a receiver works. */
export async function segmentNow(
  repository: Repository,
  segment: Segment,
  segmentBytes: number,
): Promise<StoredSegment> {
  const pieces = await listPieces(repository, layout.pieces(segment, segmentBytes), segmentBytes)
  const whole = layout.segment(segment, segmentBytes)
  return { segment, whole: (await repository.store.stat(whole)) ? whole : undefined, pieces }
}

/** How often a segment is looked at anew before what vanished counts as missing, and the pause before each look, milliseconds. */
const attempts = 8
const pauseMs = 50

/** Reads a segment; when an object of it was replaced meanwhile by one that holds as much, that one is read. */
async function whileItChanges<T>(
  repository: Repository,
  stored: StoredSegment,
  segmentBytes: number,
  read: (stored: StoredSegment) => Promise<T>,
): Promise<T> {
  let latest = stored
  for (let attempt = 1; ; attempt++) {
    try {
      return await read(latest)
    } catch (error) {
      if (!(error instanceof AvalError) || error.code !== 'OBJECT_MISSING' || attempt === attempts) throw error
      // A listing made while pieces are joined may show neither the joined one nor those that went into it: looked at again, it does.
      const now = await segmentNow(repository, stored.segment, segmentBytes)
      if (coveredBytes(now, segmentBytes) >= coveredBytes(stored, segmentBytes)) latest = now
      else if (attempt === attempts - 1) throw error
      else await setTimeout(pauseMs)
    }
  }
}

/** Takes bytes that lie at a place of a segment. They are valid until it is done. */
export type TakeBytes = (bytes: Uint8Array, at: number) => void | Promise<void>

/**
 * Reads a segment from its beginning as far as its bytes reach; authenticated. A piece at a time: held whole, a segment and the parts it
 * is put together from would be a fifth of all the memory a restore takes. Bytes may be given twice, and are the same both times.
 */
export async function readSegment(
  repository: Repository,
  stored: StoredSegment,
  segmentBytes: number,
  take: TakeBytes,
): Promise<void> {
  await whileItChanges(repository, stored, segmentBytes, async (now) => {
    if (now.whole !== undefined) return readExactly(repository, now.whole, segmentBytes, take)
    const covered = coveredBytes(now, segmentBytes)
    for (const { key, from, to } of now.pieces) {
      // What lies behind a gap is of no use.
      if (from > covered) break
      await readExactly(repository, key, to - from, (bytes, at) => take(bytes, from + at))
    }
  })
}

/** Reads an object that must have a certain length. */
export async function readExactly(
  repository: Repository,
  key: string,
  length: number,
  take: TakeBytes = () => {},
): Promise<void> {
  const { text } = await repository.read(key)
  let held = 0
  for await (const bytes of text) {
    const at = held
    held += bytes.length
    if (held <= length) await take(bytes, at)
    release(bytes)
  }
  if (held === length) return
  throw failure('OBJECT_DAMAGED', { object: key, problem: `it holds ${held} bytes instead of ${length}` })
}

/** The newest mark known at the end of a segment; from headers, each authenticated with its first chunk. */
export async function readMark(
  repository: Repository,
  stored: StoredSegment,
  segmentBytes: number,
): Promise<Mark | undefined> {
  return whileItChanges(repository, stored, segmentBytes, async (now) => {
    let newest: Mark | undefined
    for (const key of now.whole === undefined ? now.pieces.map((piece) => piece.key) : [now.whole]) {
      const { meta, close } = await repository.read(key)
      await close()
      const mark = markOf(meta)
      if (mark && (!newest || mark.at > newest.at)) newest = mark
    }
    return newest
  })
}

export function markMeta(mark: Mark | undefined): Record<string, string> {
  return mark ? { markAt: String(mark.at), markLsn: formatLsn(mark.lsn) } : {}
}

function markOf(meta: Record<string, string>): Mark | undefined {
  const { markAt, markLsn } = meta
  return markAt === undefined || markLsn === undefined ? undefined : { at: Number(markAt), lsn: parseLsn(markLsn) }
}

/** Segments read from the end of a timeline in search of a mark; without heartbeats there may be none at all. */
const searched = 64

/** The newest moment along a line that can be restored to. */
export async function newestMark(
  repository: Repository,
  inventory: WalInventory,
  line: readonly LineStretch[],
): Promise<Mark | undefined> {
  const size = BigInt(inventory.segmentBytes)
  for (const { timeline, end } of [...line].reverse()) {
    // The segment a timeline ends in is the next one's: what this one holds of it reaches beyond the branch.
    const numbers = [...(inventory.timelines.get(timeline)?.keys() ?? [])]
      .filter((number) => end === undefined || number < end / size)
      .sort((a, b) => (a < b ? 1 : -1))
    for (const number of numbers.slice(0, searched)) {
      const stored = inventory.timelines.get(timeline)?.get(number)
      const mark = stored && (await readMark(repository, stored, inventory.segmentBytes))
      if (mark) return mark
    }
  }
  return undefined
}
