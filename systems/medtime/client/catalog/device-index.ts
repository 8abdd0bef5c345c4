import type { Medicine } from './medicine.ts'
import { parseQuery, type Query } from './query.ts'
import { arrange, candidateLimit, compareHits, type Hit, levels, matcherOf, type NameRow, namesOf } from './rank.ts'
import { likeness, similarity, trigramsOf } from './trigram.ts'

export interface Found {
  hit: Hit
  medicine: Medicine
}

/** A catalog in memory that is searched as the server searches. */
export interface DeviceIndex {
  /** Best first, at most `limit`. Nothing leaves the device. */
  search(typed: string, limit: number): Found[]
  get(id: string): Medicine | undefined
  size: number
}

export function createDeviceIndex(medicines: readonly Medicine[]): DeviceIndex {
  const byId = new Map(medicines.map((medicine) => [medicine.id, medicine]))
  const rows = medicines.flatMap(namesOf)
  let grams: Grams | undefined
  return {
    size: byId.size,
    get: (id) => byId.get(id),
    search: (typed, limit) => {
      const query = parseQuery(typed)
      if (query.text === '') return []
      let hits = byLetters(rows, query)
      if (hits.length === 0) {
        grams ??= gramsOf(rows)
        hits = byLikeness(rows, grams, query)
      }
      const candidates = bestOfEach(hits).flatMap((hit) => {
        const medicine = byId.get(hit.id)
        return medicine === undefined ? [] : [{ hit, medicine }]
      })
      return arrange(query, candidates, limit)
    },
  }
}

function byLetters(rows: readonly NameRow[], query: Query): Hit[] {
  const hits: Hit[] = []
  const levelOf = matcherOf(query)
  for (const row of rows) {
    const level = levelOf(row.term)
    if (level !== undefined) hits.push({ ...row, level, likeness: 1 })
  }
  return hits
}

/** Which names hold each trigram, and how many trigrams each name has. */
interface Grams {
  holders: Map<string, number[]>
  sizes: number[]
}

function gramsOf(rows: readonly NameRow[]): Grams {
  const holders = new Map<string, number[]>()
  const sizes = rows.map(({ term }, index) => {
    const trigrams = trigramsOf(term)
    for (const trigram of trigrams) {
      const known = holders.get(trigram)
      if (known === undefined) holders.set(trigram, [index])
      else known.push(index)
    }
    return trigrams.size
  })
  return { holders, sizes }
}

function byLikeness(rows: readonly NameRow[], { holders, sizes }: Grams, query: Query): Hit[] {
  const wanted = trigramsOf(query.words.join(' '))
  const common = new Map<number, number>()
  for (const trigram of wanted) {
    for (const index of holders.get(trigram) ?? []) common.set(index, (common.get(index) ?? 0) + 1)
  }
  return [...common].flatMap(([index, shared]) => {
    const row = rows[index]
    const alike = similarity(shared, wanted.size, sizes[index] ?? 0)
    return row === undefined || alike < likeness ? [] : [{ ...row, level: levels.alike, likeness: alike }]
  })
}

/** The best hit of each medicine, best first, as many as are looked at. */
function bestOfEach(hits: readonly Hit[]): Hit[] {
  const seen = new Set<string>()
  const best: Hit[] = []
  for (const hit of hits.toSorted(compareHits)) {
    if (seen.has(hit.id)) continue
    seen.add(hit.id)
    best.push(hit)
    if (best.length === candidateLimit) break
  }
  return best
}
