import { aliasKinds, type Medicine } from './medicine.ts'
import { normalise } from './normalise.ts'
import type { Query } from './query.ts'
import { hasStrength } from './strength.ts'

/** One name of a medicine as it is looked for. */
export interface NameRow {
  id: string
  /** Normalised. */
  term: string
  /** As it is written. */
  shown: string
  /** Lower is offered first among names that match equally well. */
  rank: number
}

/** How well a name matches: it is what was typed, it begins with it, or it holds a word beginning with each typed word. */
export const levels = { same: 0, begins: 1, words: 2, alike: 3 } as const

/** A medicine found by one of its names. */
export interface Hit extends NameRow {
  level: number
  /** 0 to 1; 1 when the name was not found by likeness. */
  likeness: number
}

/** Medicines that are looked at before strength and form order them: as many as anybody reads, and more. */
export const candidateLimit = 60
/** Names less alike than this share of the best are left out. */
const likenessShare = 0.7

/** Every name a medicine is looked for by, each once. */
export function namesOf(medicine: Medicine): NameRow[] {
  const rows = new Map<string, NameRow>()
  const add = (text: string, kind: number) => {
    const term = normalise(text)
    const rank = medicine.rank * 10 + kind
    const known = rows.get(term)
    if (term !== '' && (known === undefined || known.rank > rank))
      rows.set(term, { id: medicine.id, term, shown: text, rank })
  }
  for (const name of Object.values(medicine.names)) add(name, 0)
  for (const [kind, text] of medicine.aliases) add(text, aliasKinds.indexOf(kind))
  return [...rows.values()]
}

/** Tells the level of a name for a query; undefined when it does not match by its letters. */
export function matcherOf({ text, words }: Query): (term: string) => number | undefined {
  const core = words.join(' ')
  const begins = words.map((word) => ` ${word}`)
  return (term) => {
    if (term.startsWith(text) || term.startsWith(core)) {
      return term === text || term === core ? levels.same : levels.begins
    }
    const spaced = ` ${term}`
    return begins.every((begin) => spaced.includes(begin)) ? levels.words : undefined
  }
}

/** The order of hits before strength and form are looked at. The database has the same order in `srv_catalog_search`. */
export function compareHits(one: Hit, other: Hit): number {
  return (
    one.level - other.level ||
    other.likeness - one.likeness ||
    one.rank - other.rank ||
    one.term.length - other.term.length ||
    compareText(one.term, other.term) ||
    compareText(one.id, other.id)
  )
}

/** By code unit, as the database compares with COLLATE "C": these texts are ASCII. */
function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

/**
 * The answer of a search: strength and form decide among medicines whose names match equally well.
 * @param candidates the best hit of each medicine, best first, at most `candidateLimit`
 */
export function arrange<Found extends { hit: Hit; medicine: Medicine }>(
  query: Query,
  candidates: readonly Found[],
  limit: number,
): Found[] {
  const best = candidates[0]?.hit
  const close = candidates.filter(({ hit }) => best === undefined || hit.likeness >= best.likeness * likenessShare)
  const fits = new Map(close.map((found) => [found, fit(query, found.medicine)]))
  return close
    .toSorted(
      (one, other) =>
        one.hit.level - other.hit.level ||
        other.hit.likeness - one.hit.likeness ||
        (fits.get(other) ?? 0) - (fits.get(one) ?? 0) ||
        compareHits(one.hit, other.hit),
    )
    .slice(0, limit)
}

/** How much of the wished strength and form a medicine has. */
function fit({ strengths, form }: Query, medicine: Medicine): number {
  const strong = strengths.length > 0 && medicine.strengths.some((strength) => hasStrength(strength, strengths))
  return (strong ? 2 : 0) + (form !== undefined && medicine.forms.includes(form) ? 1 : 0)
}
