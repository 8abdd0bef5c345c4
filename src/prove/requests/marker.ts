import type { Random } from '../../random.ts'

/**
 * What every personal value of a run carries, so that it is recognised wherever it turns up: twelve digits of lower-case
 * hexadecimal for what may hold letters, nine decimal digits for numbers of telephones.
 */
export interface Marker {
  text: string
  digits: string
}

export function createMarker(random: Random): Marker {
  const hex = Buffer.from(random.bytes(5)).toString('hex')
  // Letters first and last: no number and no time of a log looks like it.
  const digits = `99${String(random.int(10_000_000)).padStart(7, '0')}`
  return { text: `f${hex}e`, digits }
}

/** Every way of writing a marker that a log, a metric or an answer could hold. */
function spellings({ text, digits }: Marker): Map<string, string> {
  const bytes = Buffer.from(text)
  const found = new Map([
    [text, 'in clear'],
    [text.toUpperCase(), 'in capitals'],
    [[...text].reverse().join(''), 'backwards'],
    [digits, 'in clear'],
    [bytes.toString('hex'), 'in hexadecimal'],
    [bytes.toString('hex').toUpperCase(), 'in hexadecimal'],
    [[...bytes].map((byte) => `%${byte.toString(16)}`).join(''), 'percent-encoded'],
    [[...bytes].map((byte) => `\\u00${byte.toString(16)}`).join(''), 'in escapes of JSON'],
  ])
  // Base64 of something longer shows the marker in one of three ways, by how many bytes stand before it.
  for (const before of [0, 1, 2]) {
    const whole = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const certain = Math.floor(((before + bytes.length) * 8) / 6)
    found.set(whole.slice(Math.ceil((before * 8) / 6), certain), 'in base64')
  }
  return found
}

/** Looks for a marker in a text. @returns how it is written there; undefined when it is nowhere. */
export function markerFinder(marker: Marker): (text: string) => string | undefined {
  const known = spellings(marker)
  return (text) => {
    for (const [spelling, how] of known) if (text.includes(spelling)) return how
    return undefined
  }
}
