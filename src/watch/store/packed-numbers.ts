import { type ByteReader, byteReader, byteWriter } from './bytes.ts'

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
  const reader = byteReader(bytes, 0)
  const mode = reader.byte()
  const values = new Float64Array(reader.whole())
  if (mode === xorMode) unpackBits(reader, values)
  else unpackWhole(reader, values, mode >> 1, (mode & 1) + 1)
  return values
}

/** The fewest decimal places that give every number back exactly; undefined when there are none. */
function decimalPlaces(values: ArrayLike<number>): number | undefined {
  let places = 0
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0
    if (Object.is(value, -0)) return undefined
    for (;;) {
      const scale = 10 ** places
      const whole = Math.round(value * scale)
      if (!(Math.abs(whole) <= largestWhole)) return undefined
      if (whole / scale === value) break
      places += 1
      if (places > mostPlaces) return undefined
    }
  }
  // A number of few places may not come back from the scale that another one needs.
  const scale = 10 ** places
  for (let index = 0; index < values.length; index++) {
    const whole = Math.round((values[index] ?? 0) * scale)
    if (whole / scale !== values[index] || Math.abs(whole) > largestWhole) return undefined
  }
  return places
}

function packWhole(whole: Float64Array, places: number, order: number): Uint8Array {
  const writer = byteWriter()
  writer.byte((places << 1) | (order - 1))
  writer.whole(whole.length)
  let value = 0
  let step = 0
  let zeros = 0
  const endRun = () => {
    if (zeros === 0) return
    writer.byte(0)
    writer.whole(zeros - 1)
    zeros = 0
  }
  for (const next of whole) {
    const difference = next - value - step
    if (difference === 0) zeros += 1
    else {
      endRun()
      writer.signed(difference)
    }
    if (order === 2) step = next - value
    value = next
  }
  endRun()
  return writer.done()
}

function unpackWhole(reader: ByteReader, values: Float64Array, places: number, order: number): void {
  const scale = 10 ** places
  let value = 0
  let step = 0
  let zeros = 0
  for (let index = 0; index < values.length; index++) {
    let difference = 0
    if (zeros > 0) zeros -= 1
    else {
      difference = reader.signed()
      if (difference === 0) zeros = reader.whole()
    }
    const next = value + step + difference
    if (order === 2) step = next - value
    value = next
    values[index] = places === 0 ? value : value / scale
  }
}

/** A byte that tells how many bytes are the same at both ends, then those between; 0x80 begins a run of the same number. */
function packBits(values: ArrayLike<number>): Uint8Array {
  const writer = byteWriter()
  writer.byte(xorMode)
  writer.whole(values.length)
  const bits = new DataView(new ArrayBuffer(16))
  let same = 0
  const endRun = () => {
    if (same === 0) return
    writer.byte(0x80)
    writer.whole(same - 1)
    same = 0
  }
  for (let index = 0; index < values.length; index++) {
    bits.setFloat64(8, values[index] ?? 0)
    let first = 0
    while (first < 8 && bits.getUint8(first) === bits.getUint8(8 + first)) first += 1
    if (first === 8) same += 1
    else {
      endRun()
      let last = 7
      while (bits.getUint8(last) === bits.getUint8(8 + last)) last -= 1
      writer.byte((first << 4) | (7 - last))
      for (let at = first; at <= last; at++) writer.byte(bits.getUint8(at) ^ bits.getUint8(8 + at))
    }
    bits.setFloat64(0, bits.getFloat64(8))
  }
  endRun()
  return writer.done()
}

function unpackBits(reader: ByteReader, values: Float64Array): void {
  const bits = new DataView(new ArrayBuffer(8))
  let same = 0
  for (let index = 0; index < values.length; index++) {
    if (same > 0) same -= 1
    else {
      const control = reader.byte()
      if (control === 0x80) same = reader.whole()
      else {
        const last = 7 - (control & 0x0f)
        for (let at = control >> 4; at <= last; at++) bits.setUint8(at, bits.getUint8(at) ^ reader.byte())
      }
    }
    values[index] = bits.getFloat64(0)
  }
}
