import { asNeededMatchers, durationMatchers } from './course.ts'
import { dosageMatchers, strengthMatcher } from './dosage.ts'
import { frequencyMatchers } from './frequency.ts'
import type { Matcher, Piece } from './piece.ts'
import type { Span } from './span.ts'
import { timingMatchers } from './timing.ts'

/** What nothing is known of: a name, or anything else. */
export interface Word extends Span {
  kind: 'word'
}

/** An end of line, and punctuation. */
export interface Break extends Span {
  kind: 'break'
}

export type Token = Piece | Word | Break

/** In order: of matches of the same length the first one counts. */
const matchers: readonly Matcher[] = [
  ...frequencyMatchers,
  ...asNeededMatchers,
  ...durationMatchers,
  ...timingMatchers,
  strengthMatcher,
  ...dosageMatchers,
]

const word = /[a-z\d\u00df-\u024f][a-z\d\u00df-\u024f'-]*/y

/** Takes a folded text apart. Every character but spaces belongs to exactly one token. */
export function tokensOf(folded: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < folded.length; ) {
    if (folded.charAt(at) === ' ') {
      at++
      continue
    }
    const token = longest(folded, at) ?? wordAt(folded, at) ?? { kind: 'break' as const, start: at, end: at + 1 }
    tokens.push(token)
    at = token.end
  }
  return tokens
}

function longest(folded: string, start: number): Piece | undefined {
  let best: Piece | undefined
  for (const match of matchers) {
    const piece = match(folded, start)
    if (piece !== undefined && (best === undefined || piece.end > best.end)) best = piece
  }
  return best
}

function wordAt(folded: string, start: number): Word | undefined {
  word.lastIndex = start
  const match = word.exec(folded)
  return match === null ? undefined : { kind: 'word', start, end: start + match[0].length }
}
