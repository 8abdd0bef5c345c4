import type { Random } from '../../random.ts'
import { spellingsOf } from '../blindness/spellings.ts'

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

/** Looks for a marker in a text. @returns how it is written there; undefined when it is nowhere. */
export function markerFinder(marker: Marker): (text: string) => string | undefined {
  const known = new Map([...spellingsOf(marker.text), [marker.digits, 'in clear']])
  return (text) => {
    for (const [spelling, how] of known) if (text.includes(spelling)) return how
    return undefined
  }
}
