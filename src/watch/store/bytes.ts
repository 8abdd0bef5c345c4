/*
 * Numbers as bytes: whole ones in as few as they need, seven bits a byte with the highest bit saying that more follow, and
 * signed ones folded so that those near zero stay short. Plain functions over a cursor, since millions are read in a query.
 */

/** Bytes and how far they are written or read. */
export interface Cursor {
  bytes: Uint8Array
  at: number
}

/** The most bytes one number takes. */
export const widestNumber = 8

/** @param value a whole number from 0 to 2^53 - 1; there must be room for it. */
export function writeWhole(cursor: Cursor, value: number): void {
  const { bytes } = cursor
  let rest = value
  // Shifts work on 32 bits only; larger numbers are divided.
  while (rest > 0x7fffffff) {
    bytes[cursor.at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  while (rest >= 0x80) {
    bytes[cursor.at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[cursor.at++] = rest
}

/** @param value a whole number between -2^52 and 2^52. */
export function writeSigned(cursor: Cursor, value: number): void {
  writeWhole(cursor, value < 0 ? -2 * value - 1 : 2 * value)
}

/** @throws RangeError past the end, so that a cut chunk is never read as zeros. */
export function readByte(cursor: Cursor): number {
  const value = cursor.bytes[cursor.at++]
  if (value === undefined) throw new RangeError('the bytes end before the numbers do')
  return value
}

/** @throws RangeError past the end. */
export function readWhole(cursor: Cursor): number {
  const first = readByte(cursor)
  if (first < 0x80) return first
  let value = first & 0x7f
  let scale = 0x80
  for (;;) {
    const next = readByte(cursor)
    value += (next & 0x7f) * scale
    if (next < 0x80) return value
    scale *= 0x80
  }
}

/** @throws RangeError past the end. */
export function readSigned(cursor: Cursor): number {
  const folded = readWhole(cursor)
  if (folded < 0x80000000) return folded & 1 ? -(folded >>> 1) - 1 : folded >>> 1
  return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2
}
