/** Names less alike than this are not offered; the default of Postgres. */
export const likeness = Math.fround(0.3)

/** Trigrams of a normalised text, as `pg_trgm` takes them: each word with two spaces before and one after it. */
export function trigramsOf(normalised: string): Set<string> {
  const trigrams = new Set<string>()
  for (const word of normalised.split(/[ .]+/).filter((each) => each !== '')) {
    const padded = `  ${word} `
    for (let start = 0; start + 3 <= padded.length; start++) trigrams.add(padded.slice(start, start + 3))
  }
  return trigrams
}

/**
 * How alike two texts are, 0 to 1, exactly as `similarity()` of Postgres computes it in single precision.
 * @param common trigrams that both have; `one` and `other` are how many each has
 */
export function similarity(common: number, one: number, other: number): number {
  return common === 0 ? 0 : Math.fround(common / (one + other - common))
}
