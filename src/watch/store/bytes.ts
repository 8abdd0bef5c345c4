/*
 * Numbers as bytes: whole ones in as few as they need, seven bits a byte with the highest bit saying that more follow, and
 * signed ones folded so that those near zero stay short.
 */

/** Collects bytes. */
export interface ByteWriter {
  /** A whole number from 0 to 2^53 - 1. */
  whole(value: number): void
  /** A whole number between -2^52 and 2^52. */
  signed(value: number): void
  byte(value: number): void
  done(): Uint8Array
}

export function byteWriter(): ByteWriter {
  let bytes = new Uint8Array(256)
  let length = 0
  const byte = (value: number) => {
    if (length === bytes.length) {
      const wider = new Uint8Array(bytes.length * 2)
      wider.set(bytes)
      bytes = wider
    }
    bytes[length++] = value
  }
  const whole = (value: number) => {
    let rest = value
    // Shifts work on 32 bits only; larger numbers are divided.
    while (rest >= 0x80) {
      byte((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    byte(rest)
  }
  return {
    whole,
    signed: (value) => whole(value < 0 ? -2 * value - 1 : 2 * value),
    byte,
    done: () => bytes.slice(0, length),
  }
}

/** Reads what a writer made, from a place on. */
export interface ByteReader {
  whole(): number
  signed(): number
  byte(): number
}

/** @throws RangeError past the end, so that a cut chunk is never read as zeros. */
export function byteReader(bytes: Uint8Array, from: number): ByteReader {
  let at = from
  const byte = () => {
    const value = bytes[at++]
    if (value === undefined) throw new RangeError('the bytes end before the numbers do')
    return value
  }
  const whole = () => {
    const first = byte()
    if (first < 0x80) return first
    let value = first & 0x7f
    let scale = 0x80
    for (;;) {
      const next = byte()
      value += (next & 0x7f) * scale
      if (next < 0x80) return value
      scale *= 0x80
    }
  }
  return {
    whole,
    signed: () => {
      const folded = whole()
      return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2
    },
    byte,
  }
}
