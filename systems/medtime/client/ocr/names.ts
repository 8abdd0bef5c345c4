import type { CatalogLookup } from './catalog-lookup.ts'
import type { Token, Word } from './pieces.ts'
import type { MedicineReading } from './reading.ts'
import type { Span } from './span.ts'

const shortestName = 4
const mostWords = 5

/** A name of a medicine on a line. */
export interface Name {
  /** The token it begins with. */
  index: number
  span: Span
  /** A verb or an amount leads to it: what stands before it on its line is said of it. */
  led: boolean
}

/**
 * The names of medicines on a line: words nothing else is known of, either known to the catalog, or at the beginning of the line
 * (or after punctuation, a verb, or an amount with "of") and directly followed by a strength or a form.
 */
export interface Place {
  text: string
  line: readonly Token[]
  /** Tokens of the mark before the item. */
  marker: number
  /** The token the next line begins with. */
  following: Token | undefined
  current: MedicineReading | undefined
  lookup: CatalogLookup | undefined
}

export function namesOf(place: Place): Name[] {
  const names: Name[] = []
  for (let index = place.marker; index < place.line.length; ) {
    const found = nameAt(place, index)
    if (found !== undefined) names.push({ index, span: found.span, led: found.led })
    index += found?.length ?? 1
  }
  return names
}

function nameAt(
  { text, line, marker, following, current, lookup }: Place,
  index: number,
): { span: Span; length: number; led: boolean } | undefined {
  const first = line[index]
  if (first?.kind !== 'word') return undefined
  const words: { word: Word; length: number }[] = []
  for (let at = index; at < line.length && words.length < mostWords; ) {
    const token = line[at]
    if (token?.kind !== 'word') break
    words.push({ word: token, length: at + 1 - index })
    at += 1 + joinLength(text, line, at + 1)
  }
  const previous = line[index - 1]
  const afterVerb = previous?.kind === 'verb'
  const afterOf = previous?.kind === 'plain' && isAmount(line[index - 2])
  const foundAs = ({ word, length }: { word: Word; length: number }) => ({
    span: { start: first.start, end: word.end },
    length,
    led: afterVerb || afterOf,
  })
  const known = words.findLast(({ word }) => lookup?.(text.slice(first.start, word.end)) !== undefined)
  if (known !== undefined) return foundAs(known)
  const last = words.at(-1)
  if (last === undefined || !words.some(({ word }) => word.end - word.start >= shortestName)) return undefined
  const after = index + last.length
  const next = (after >= line.length ? following : afterBrackets(text, line, after))?.kind
  if (afterOf) return next === 'strength' ? foundAs(last) : undefined
  if (afterVerb) {
    // What is said already of the medicine before makes this another one, and not a place or a time of it.
    const another = current === undefined || current.dose !== null || current.frequency !== null
    return next === 'strength' && another ? foundAs(last) : undefined
  }
  const begins = index === marker || previous?.kind === 'break'
  return begins && (next === 'strength' || next === 'form') ? foundAs(last) : undefined
}

export function isAmount(token: Token | undefined): boolean {
  return token !== undefined && (token.kind === 'dose' || token.kind === 'strength' || token.kind === 'number')
}

/** A word long enough for a name, of which nothing is known. */
export function isUnknown(token: Token | undefined): boolean {
  return token?.kind === 'word' && token.end - token.start >= shortestName
}

/** How many tokens join two words of a name: `amoxicilina/acido clavulanico`, `trimetoprima y sulfametoxazol`. */
function joinLength(text: string, line: readonly Token[], at: number): number {
  const token = line[at]
  if (token === undefined || line[at + 1]?.kind !== 'word') return 0
  const joint = text.slice(token.start, token.end).toLowerCase()
  return ['/', '+', '-', 'y', 'and', 'con', 'with', 'de'].includes(joint) ? 1 : 0
}

/** Tokens of a mark before an item: `1.`, `2)`, `-`, `Rx:`, or a number with a name after it. */
export function markerLength(folded: string, line: readonly Token[]): number {
  const start = line[0]?.start ?? 0
  const mark = /^(?:\d{1,2}\s?(?:[.)]-?|-)(?!\d)|[-*\u2022]|(?:rx|rp|r)\s?[.:/])\s*/.exec(folded.slice(start))
  if (mark === null)
    return /^\d{1,2} /.test(folded.slice(start)) && line[0]?.kind === 'number' && isUnknown(line[1]) ? 1 : 0
  const end = start + mark[0].length
  const first = line.findIndex((token) => token.end > end)
  return first < 0 ? line.length : first
}

/** The token after a remark in brackets, such as a brand: `Paracetamol (Tempra) 500 mg`. */
function afterBrackets(text: string, line: readonly Token[], at: number): Token | undefined {
  const token = line[at]
  if (token === undefined || text.charAt(token.start) !== '(') return token
  const close = line.findIndex((candidate, index) => index > at && text.charAt(candidate.start) === ')')
  return close < 0 ? undefined : line[close + 1]
}
