import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrno } from '../durable.ts'
import { type Lsn, segmentAt, segmentName } from '../wal/lsn.ts'

/*
 * Reads WAL from the disk of a server that is down, record by record, each with its checksum: how much it wrote that nobody
 * else has. The layout is that of src/include/access/xlogrecord.h and xlog_internal.h, the same from Postgres 15 to 18 as far
 * as it is read here. The machine's byte order is that of the server, which ran on this machine.
 */

const pageBytes = 8192
const shortPageHeader = 24
const longPageHeader = 40
const recordHeader = 24
/** Postgres refuses to write a longer one. */
const longestRecord = 1020 * 1024 * 1024

/** Number of a resource manager, which says what kind of change a record is. */
export const resourceManager = { log: 0, transaction: 1, logicalMessage: 21 } as const

export interface WalRecord {
  start: Lsn
  /** Where the next record begins. */
  end: Lsn
  transaction: number
  manager: number
  info: number
  /** Behind the record's header. */
  body: Buffer
}

export interface WalPlace {
  /** `pg_wal` of a data directory. */
  directory: string
  timeline: number
  segmentBytes: number
}

/**
 * Records of a timeline from a position on, until WAL ends: where the file ends, is of an earlier use, or a record is torn.
 * @param from where a record begins or the one before it ended.
 */
export async function* readRecords(place: WalPlace, from: Lsn): AsyncIterable<WalRecord> {
  await using pages = openPages(place)
  let at = from
  let previous: Lsn | undefined
  for (;;) {
    at = aligned(pastHeader(at, place.segmentBytes))
    const lengthBytes = await pages.take(at, 4)
    const length = lengthBytes?.bytes.readUInt32LE(0) ?? 0
    if (length < recordHeader || length > longestRecord) return
    const taken = await pages.take(at, length)
    if (taken === undefined) return
    const { bytes, end } = taken
    const body = bytes.subarray(recordHeader)
    if (checksum(body, bytes.subarray(0, 20)) !== bytes.readUInt32LE(20)) return
    if (previous !== undefined && bytes.readBigUInt64LE(8) !== previous) return
    const record: WalRecord = {
      start: at,
      end: aligned(end),
      transaction: bytes.readUInt32LE(4),
      manager: bytes[17] ?? 0,
      info: bytes[16] ?? 0,
      body,
    }
    yield record
    previous = at
    at = record.end
    // The rest of a segment that was left early is empty.
    if (record.manager === resourceManager.log && (record.info & 0xf0) === 0x40) {
      const size = BigInt(place.segmentBytes)
      if (at % size !== 0n) at += size - (at % size)
    }
  }
}

/** When a transaction committed, in milliseconds since the epoch; undefined for a record that is no commit. */
export function commitTime(record: WalRecord): number | undefined {
  const operation = record.info & 0x70
  if (record.manager !== resourceManager.transaction || (operation !== 0x00 && operation !== 0x30)) return undefined
  const { body } = record
  let at = 0
  // Short pieces may stand before the main data: an origin (253), the enclosing transaction (252).
  for (;;) {
    const kind = body[at]
    if (kind === 253) at += 3
    else if (kind === 252) at += 5
    else if (kind === 255) return timeAt(body, at + 2)
    else if (kind === 254) return timeAt(body, at + 5)
    else return undefined
  }
}

function timeAt(body: Buffer, at: number): number | undefined {
  if (body.length < at + 8) return undefined
  // Microseconds since 2000-01-01.
  return Number(body.readBigInt64LE(at) / 1000n) + Date.UTC(2000, 0, 1)
}

function aligned(lsn: Lsn): Lsn {
  return (lsn + 7n) & ~7n
}

function headerBytes(at: Lsn, segmentBytes: number): number {
  return at % BigInt(segmentBytes) === 0n ? longPageHeader : shortPageHeader
}

function pastHeader(at: Lsn, segmentBytes: number): Lsn {
  return at % BigInt(pageBytes) === 0n ? at + BigInt(headerBytes(at, segmentBytes)) : at
}

interface Pages extends AsyncDisposable {
  /** So many bytes of records, page headers left out; undefined when WAL ends before. */
  take(at: Lsn, length: number): Promise<{ bytes: Buffer; end: Lsn } | undefined>
}

function openPages({ directory, timeline, segmentBytes }: WalPlace): Pages {
  let open_: { name: string; handle: Awaited<ReturnType<typeof open>> } | undefined
  let held: { at: Lsn; bytes: Buffer } | undefined

  const segment = async (at: Lsn) => {
    const name = segmentName(segmentAt(timeline, at, segmentBytes), segmentBytes)
    if (open_?.name === name) return open_.handle
    await open_?.handle.close()
    open_ = undefined
    try {
      open_ = { name, handle: await open(join(directory, name), 'r') }
      return open_.handle
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined
      throw error
    }
  }
  const page = async (at: Lsn): Promise<Buffer | undefined> => {
    const start = at - (at % BigInt(pageBytes))
    if (held?.at === start) return held.bytes
    const handle = await segment(start)
    if (handle === undefined) return undefined
    const bytes = Buffer.alloc(pageBytes)
    const { bytesRead } = await handle.read(bytes, 0, pageBytes, Number(start % BigInt(segmentBytes)))
    // A file that was used before still has the pages of its earlier place behind the last one written.
    if (bytesRead < pageBytes || bytes.readBigUInt64LE(8) !== start || bytes.readUInt32LE(4) > timeline)
      return undefined
    held = { at: start, bytes }
    return bytes
  }
  return {
    take: async (from, length) => {
      const parts: Buffer[] = []
      let [at, missing] = [pastHeader(from, segmentBytes), length]
      while (missing > 0) {
        at = pastHeader(at, segmentBytes)
        const bytes = await page(at)
        if (bytes === undefined) return undefined
        const offset = Number(at % BigInt(pageBytes))
        const part = bytes.subarray(offset, offset + missing)
        parts.push(Buffer.from(part))
        missing -= part.length
        at += BigInt(part.length)
      }
      return { bytes: Buffer.concat(parts), end: at }
    },
    [Symbol.asyncDispose]: async () => {
      await open_?.handle.close()
    },
  }
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value >>> 0
})

/** CRC-32C over several pieces as one. */
function checksum(...pieces: readonly Uint8Array[]): number {
  let value = 0xffffffff
  for (const piece of pieces) for (const byte of piece) value = (table[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8)
  return (value ^ 0xffffffff) >>> 0
}
