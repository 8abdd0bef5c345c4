/** When a key signs. Milliseconds since the epoch. */
export interface Term {
  signsFrom: number
  signsUntil: number
}

const hour = 3_600_000
const day = 24 * hour

/** A key signs for this long. */
const termMs = 30 * day
/** And is published this long before: whoever keeps our keys has fetched them anew by then, also one that keeps them a day. */
const aheadMs = 2 * day
/** The last token a key signed has ended by then, also on a clock that lags. */
export const keptMs = 2 * hour

/** What must be done about the keys now. */
export interface DueKeys<K extends Term> {
  /** The key that signs; undefined until one was made. */
  signing: K | undefined
  published: K[]
  ended: K[]
  /** The term of the key to make; undefined when there is no need. */
  next: Term | undefined
}

/**
 * Terms follow each other without a gap. Only where no key signs, one does as soon as it is published.
 */
export function dueKeys<K extends Term>(keys: readonly K[], now: number): DueKeys<K> {
  const published = keys.filter(({ signsUntil }) => signsUntil + keptMs > now)
  // Of two that overlap, however that came about, every instance takes the same: the one that signs longest.
  const signing = published
    .filter(({ signsFrom, signsUntil }) => signsFrom <= now && signsUntil > now)
    .sort((a, b) => b.signsUntil - a.signsUntil)[0]
  const last = Math.max(...published.map(({ signsUntil }) => signsUntil), now)
  // Where none signs, the next one does at once: the first, after a long rest, or when a clock went back.
  const from = signing === undefined ? now : last
  return {
    signing,
    published,
    ended: keys.filter((key) => !published.includes(key)),
    next: from - now <= aheadMs ? { signsFrom: from, signsUntil: from + termMs } : undefined,
  }
}
