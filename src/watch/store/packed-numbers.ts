import { type Cursor, readByte, readSigned, readWhole, widestNumber, writeSigned, writeWhole } from './bytes.ts'

/*
 * A run of numbers as few bytes, given back bit by bit. Where all of them are decimals of a few places, as counters, sizes and moments are,
 * they are kept as whole numbers: as differences, or as differences of differences when that is shorter (Gorilla's delta of
 * deltas, which makes nothing of a steady pace). Everything else is kept as what differs in the bits from the number before
 * (Gorilla's XOR, by whole bytes so that it is read fast). In both, a run of the same takes a few bytes however long.
 */

/** Above it, differences of differences would no longer be exact. */
const largestWhole = 2 ** 49
const mostPlaces = 6
/** Modes up to this one are whole numbers; the mode tells decimal places and the order of differences. */
const xorMode = 255

/** @example unpackNumbers(packNumbers([1, 2, 3])) // Float64Array [1, 2, 3] */
export function packNumbers(values: ArrayLike<number>): Uint8Array {
  const places = decimalPlaces(values)
  if (places === undefined) return packBits(values)
  const scale = 10 ** places
  const whole = Float64Array.from(values, (value) => Math.round(value * scale))
  const once = packWhole(whole, places, 1)
  const twice = packWhole(whole, places, 2)
  const decimals = once.length <= twice.length ? once : twice
  if (places === 0) return decimals
  const bits = packBits(values)
  return bits.length < decimals.length ? bits : decimals
}

/** @throws RangeError for bytes that are cut short. */
export function unpackNumbers(bytes: Uint8Array): Float64Array {
  const reader = { bytes, at: 0 }
  const mode = readByte(reader)
  const values = new Float64Array(readWhole(reader))
  if (mode === xorMode) unpackBits(reader, values)
  else unpackWhole(reader, values, mode >> 1, (mode & 1) + 1)
  return values
}

/** The fewest decimal places that give every number back exactly; undefined when there are none. */
function decimalPlaces(values: ArrayLike<number>): number | undefined {
  let places = 0
  let scale = 1
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0
    if (value === 0 && Object.is(value, -0)) return undefined
    while (!fits(value, scale)) {
      places += 1
      if (places > mostPlaces) return undefined
      scale = 10 ** places
      // A number of few places may not come back from the scale that another one needs.
      for (let earlier = 0; earlier < index; earlier++) if (!fits(values[earlier] ?? 0, scale)) return undefined
    }
  }
  return places
}

function fits(value: number, scale: number): boolean {
  const whole = Math.round(value * scale)
  return whole / scale === value && whole <= largestWhole && whole >= -largestWhole
}

function packWhole(whole: Float64Array, places: number, order: number): Uint8Array {
  const cursor = roomFor(whole.length)
  cursor.bytes[cursor.at++] = (places << 1) | (order - 1)
  writeWhole(cursor, whole.length)
  let value = 0
  let step = 0
  let zeros = 0
  for (let index = 0; index < whole.length; index++) {
    const next = whole[index] ?? 0
    const difference = next - value - step
    if (difference === 0) zeros += 1
    else {
      if (zeros > 0) writeRun(cursor, 0, zeros)
      zeros = 0
      writeSigned(cursor, difference)
    }
    if (order === 2) step = next - value
    value = next
  }
  if (zeros > 0) writeRun(cursor, 0, zeros)
  return cursor.bytes.slice(0, cursor.at)
}

/** A mode, a length, and for every number at most what the widest takes, or a run of it. */
function roomFor(count: number): Cursor {
  return { bytes: new Uint8Array(1 + widestNumber + count * (1 + widestNumber)), at: 0 }
}

function writeRun(cursor: Cursor, mark: number, length: number): void {
  cursor.bytes[cursor.at++] = mark
  writeWhole(cursor, length - 1)
}

function unpackWhole(reader: Cursor, values: Float64Array, places: number, order: number): void {
  const scale = 10 ** places
  let value = 0
  let step = 0
  let zeros = 0
  for (let index = 0; index < values.length; index++) {
    let difference = 0
    if (zeros > 0) zeros -= 1
    else {
      difference = readSigned(reader)
      if (difference === 0) zeros = readWhole(reader)
    }
    const next = value + step + difference
    if (order === 2) step = next - value
    value = next
    values[index] = places === 0 ? value : value / scale
  }
}

const sameMark = 0x80

/** A byte that tells how many bytes are the same at both ends, then those between; `sameMark` begins a run of the same number. */
function packBits(values: ArrayLike<number>): Uint8Array {
  const numbers = Float64Array.from(values)
  // Lowest byte first, whatever the machine: the bytes are the same on all.
  const all = littleEndian(numbers)
  const cursor = roomFor(numbers.length)
  cursor.bytes[cursor.at++] = xorMode
  writeWhole(cursor, numbers.length)
  const before = new Uint8Array(8)
  let same = 0
  for (let start = 0; start < all.length; start += 8) {
    let high = 7
    while (high >= 0 && all[start + high] === before[high]) high -= 1
    if (high < 0) {
      same += 1
      continue
    }
    if (same > 0) writeRun(cursor, sameMark, same)
    same = 0
    let low = 0
    while (all[start + low] === before[low]) low += 1
    cursor.bytes[cursor.at++] = ((7 - high) << 4) | low
    for (let at = high; at >= low; at--) {
      const byte = all[start + at] ?? 0
      cursor.bytes[cursor.at++] = byte ^ (before[at] ?? 0)
      before[at] = byte
    }
  }
  if (same > 0) writeRun(cursor, sameMark, same)
  return cursor.bytes.slice(0, cursor.at)
}

function unpackBits(reader: Cursor, values: Float64Array): void {
  const all = new Uint8Array(values.buffer)
  const before = new Uint8Array(8)
  let same = 0
  for (let start = 0; start < all.length; start += 8) {
    if (same > 0) same -= 1
    else {
      const control = readByte(reader)
      if (control === sameMark) same = readWhole(reader)
      else {
        const low = control & 0x0f
        for (let at = 7 - (control >> 4); at >= low; at--) before[at] = (before[at] ?? 0) ^ readByte(reader)
      }
    }
    for (let at = 0; at < 8; at++) all[start + at] = before[at] ?? 0
  }
  if (bigEndian) all.set(littleEndian(values))
}

const bigEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 0

function littleEndian(values: Float64Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength))
  if (bigEndian) for (let at = 0; at < bytes.length; at += 8) bytes.subarray(at, at + 8).reverse()
  return bytes
}
