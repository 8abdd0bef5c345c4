import type { Doubt } from './doubt.ts'
import type { AsNeeded, Dose, Duration, Form, Frequency, Route, Strength, Timing } from './reading.ts'
import type { Span } from './span.ts'

interface Found extends Span {
  doubts: Doubt[]
}

/** Something with a meaning of its own, found in a text. */
export type Piece = Found &
  (
    | { kind: 'strength'; value: Strength }
    | { kind: 'form'; value: Form }
    | { kind: 'dose'; value: Dose }
    | { kind: 'route'; value: Route }
    | { kind: 'frequency'; value: Frequency }
    | { kind: 'timing'; value: Timing }
    | { kind: 'duration'; value: Duration }
    | { kind: 'asNeeded'; value: AsNeeded }
    /** `tomar`, `apply`: what follows is a dose. */
    | { kind: 'verb' }
    /** How many there are in the box: no dose. */
    | { kind: 'supply' }
    /** A number of nothing that is said. */
    | { kind: 'number'; value: Dose }
    /** A word that means something, and none of the above: it is no name of a medicine. */
    | { kind: 'plain' }
  )

/** Tries to find a piece that begins at a place of a folded text. */
export type Matcher = (folded: string, start: number) => Piece | undefined

/**
 * A matcher of a pattern.
 * @param source of a pattern for folded text; a space in it is any white space, a line's end as well
 * @param read what the match means; undefined when it means nothing after all
 */
export function matcher<Kind extends Piece['kind']>(
  source: string,
  read: (groups: readonly (string | undefined)[]) => Meaning<Kind> | undefined,
): Matcher {
  const pattern = new RegExp(spaced(`(?<![a-z\\d])(?:${source})`), 'y')
  return (folded, start) => {
    pattern.lastIndex = start
    const match = pattern.exec(folded)
    if (match === null || match[0] === '') return undefined
    const meaning = read(match)
    return meaning === undefined ? undefined : { ...meaning, start, end: start + match[0].length }
  }
}

/** The source of a pattern in which a space is any white space, and ` ?` one that may be missing. */
export function spaced(source: string): string {
  return source.replace(/ (\?)?/g, (_, optional) => (optional === undefined ? '\\s{1,3}' : '\\s?'))
}

type OfKind<Kind, All> = All extends { kind: Kind } ? Omit<All, 'start' | 'end'> : never
export type Meaning<Kind extends Piece['kind']> = OfKind<Kind, Piece>

/** End of a word, an abbreviation's point included. */
export const wordEnd = '(?![a-z\\d])'
