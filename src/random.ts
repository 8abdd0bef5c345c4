/** Seeded randomness: the same seed gives the same run, so that a failure can be repeated from its printed seed. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform whole number in [0, below). */
  int(below: number): number
  /** One element; the list must not be empty. */
  pick<T>(items: readonly T[]): T
  /** `count` bytes. Never for keys: this generator is predictable by design. */
  bytes(count: number): Uint8Array
  /** An independent generator for a named part of the run. */
  fork(name: string): Random
}

/** The sfc32 generator over a 32-bit seed; splitmix32 spreads the seed over its state. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const spread = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }
  let a = spread()
  let b = spread()
  let c = spread()
  let counter = 1
  const uint32 = (): number => {
    const t = (a + b + counter++) >>> 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) >>> 0
    c = (((c << 21) | (c >>> 11)) + t) >>> 0
    return t
  }
  for (let round = 0; round < 12; round++) uint32()
  const next = () => uint32() / 2 ** 32
  const int = (below: number) => Math.floor(next() * below)
  return {
    next,
    int,
    pick: (items) => {
      const item = items[int(items.length)]
      if (item === undefined) throw new RangeError('pick from an empty list')
      return item
    },
    bytes: (count) => Uint8Array.from({ length: count }, () => uint32() & 0xff),
    fork: (name) => {
      let hash = seed >>> 0
      for (const unit of name) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193) >>> 0
      return seededRandom(hash)
    },
  }
}
