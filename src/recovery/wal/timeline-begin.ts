import type { Repository } from '../repository/repository.ts'
import { segmentAt, segmentStart } from './lsn.ts'
import { readSegment } from './stored-segment.ts'
import type { LineStretch } from './timeline-history.ts'
import type { WalInventory } from './wal-inventory.ts'

/*
 * A server that ends its recovery says so with the first records of its new timeline, and when: in a checkpoint, or in a record of its own where
 * it was a standby. src/include/access/xlogrecord.h, xlog_internal.h and catalog/pg_control.h of Postgres 15 to 18.
 */

const pageBytes = 8192
const pageHeaderBytes = 24
/** Of the first page of a segment. */
const longPageHeaderBytes = 40
const recordHeaderBytes = 24
/** Far more than the few records that may lie before the one that is looked for. */
const windowBytes = 2048

/** Resource manager of the log itself, and its records. */
const xlogManager = 0
const records = { shutdownCheckpoint: 0x00, endOfRecovery: 0x90 } as const
const timelineAt = 8
const checkpointTimeAt = 64
const microsecondsTo2000 = 946_684_800_000_000n

/**
 * When the server that began a timeline could be written to, by its own clock; of most no finer than a second, and then its beginning.
 * @returns milliseconds since the epoch; undefined for a timeline that began with its cluster, and where the first records are not stored.
 */
export async function timelineBegan(
  repository: Repository,
  inventory: WalInventory,
  { timeline, start }: Pick<LineStretch, 'timeline' | 'start'>,
): Promise<number | undefined> {
  const { segmentBytes } = inventory
  const segment = segmentAt(timeline, start, segmentBytes)
  const stored = inventory.timelines.get(timeline)?.get(segment.number)
  if (start === 0n || stored === undefined) return undefined
  const from = Number(start - segmentStart(segment, segmentBytes))
  const window = Buffer.alloc(windowBytes)
  await readSegment(repository, stored, segmentBytes, (bytes, at) => {
    const [first, end] = [Math.max(from, at), Math.min(from + windowBytes, at + bytes.length)]
    if (first < end) window.set(bytes.subarray(first - at, end - at), first - from)
  })
  return beganBy(withoutPageHeaders(window, from), timeline)
}

/** WAL from the place where a timeline begins, as records alone. */
function withoutPageHeaders(window: Buffer, from: number): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < window.length; ) {
    const inPage = (from + at) % pageBytes
    const header = inPage > 0 ? 0 : from + at === 0 ? longPageHeaderBytes : pageHeaderBytes
    const end = at + pageBytes - inPage
    parts.push(window.subarray(at + header, end))
    at = end
  }
  return Buffer.concat(parts)
}

/** @param wal records, the first at its beginning. */
function beganBy(wal: Buffer, timeline: number): number | undefined {
  for (let at = 0; at + recordHeaderBytes + 2 <= wal.length; ) {
    const length = wal.readUInt32LE(at)
    if (length < recordHeaderBytes || at + length > wal.length) return undefined
    const kind = wal.readUInt8(at + 16) & 0xf0
    const body = wal.subarray(at + recordHeaderBytes + 2, at + length)
    if (wal.readUInt8(at + 17) === xlogManager && body.length >= timelineAt + 4) {
      const own = body.readUInt32LE(timelineAt) === timeline
      if (kind === records.endOfRecovery && own) return Number((body.readBigInt64LE(0) + microsecondsTo2000) / 1000n)
      if (kind === records.shutdownCheckpoint && own && body.length >= checkpointTimeAt + 8)
        return Number(body.readBigInt64LE(checkpointTimeAt)) * 1000
    }
    // The next one is aligned.
    at += Math.ceil(length / 8) * 8
  }
  return undefined
}
