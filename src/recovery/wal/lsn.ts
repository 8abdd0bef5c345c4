import { failure } from '../../errors.ts'

/** A position in the write-ahead log: bytes since its beginning. */
export type Lsn = bigint

/** '0/16B3748' as a number. */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text)
  if (!match) throw failure('UNEXPECTED', { problem: `"${text}" is not a WAL position` })
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)
}

export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`
}

/** One WAL file: its timeline and its number among all segments of its size. */
export interface Segment {
  timeline: number
  number: bigint
}

export function segmentAt(timeline: number, lsn: Lsn, segmentBytes: number): Segment {
  return { timeline, number: lsn / BigInt(segmentBytes) }
}

export function segmentStart({ number }: Segment, segmentBytes: number): Lsn {
  return number * BigInt(segmentBytes)
}

/** Postgres's name of the file: 24 hexadecimal digits. */
export function segmentName({ timeline, number }: Segment, segmentBytes: number): string {
  const perLog = 0x1_0000_0000n / BigInt(segmentBytes)
  return hex8(timeline) + hex8(number / perLog) + hex8(number % perLog)
}

/** The segment a file name stands for; undefined when it is not one. */
export function parseSegmentName(name: string, segmentBytes: number): Segment | undefined {
  if (!/^[0-9A-F]{24}$/.test(name)) return undefined
  const part = (index: number) => BigInt(`0x${name.slice(index * 8, index * 8 + 8)}`)
  const perLog = 0x1_0000_0000n / BigInt(segmentBytes)
  if (part(2) >= perLog || part(0) === 0n) return undefined
  return { timeline: Number(part(0)), number: part(1) * perLog + part(2) }
}

/** Eight hexadecimal digits, upper case. */
export function hex8(value: number | bigint): string {
  return value.toString(16).toUpperCase().padStart(8, '0')
}

/** Sixteen hexadecimal digits, upper case: positions in this form sort as they follow each other. */
export function hex16(lsn: Lsn): string {
  return lsn.toString(16).toUpperCase().padStart(16, '0')
}
