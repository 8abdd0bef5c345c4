/** Answers that several instances share, such as in Redis. Neither promise ever rejects: a cache that fails is an empty one. */
export interface SharedCache {
  get(key: string): Promise<string | undefined>
  set(key: string, answer: string, seconds: number): Promise<void>
}

export interface AnswerCache {
  /** The answer that is kept under a key, or a new one. Who asks for the same while it is made waits for it. */
  answer(key: string, make: () => Promise<string>): Promise<string>
}

export interface AnswerCacheOptions {
  /** Milliseconds since the epoch. */
  now: () => number
  shared: SharedCache | undefined
  onLookUp: (outcome: 'hit' | 'miss') => void
  /** Most characters kept in memory. */
  characters?: number
}

/** BACKEND-ARCH-001 §5.3.1 */
export const keptSeconds = 24 * 60 * 60
const defaultCharacters = 32 * 1_048_576

/** Keeps answers for 24 hours in memory, those asked for last as far as there is room, and beside it where instances share them. */
export function createAnswerCache(options: AnswerCacheOptions): AnswerCache {
  const { now, shared, onLookUp, characters = defaultCharacters } = options
  const kept = new Map<string, { answer: string; until: number }>()
  const making = new Map<string, Promise<string>>()
  let held = 0

  const drop = (key: string) => {
    const entry = kept.get(key)
    if (entry === undefined) return
    held -= key.length + entry.answer.length
    kept.delete(key)
  }
  const keep = (key: string, answer: string, until: number) => {
    drop(key)
    kept.set(key, { answer, until })
    held += key.length + answer.length
    // A Map remembers the order of insertion: the first was asked for longest ago.
    for (const oldest of kept.keys()) {
      if (held <= characters) break
      drop(oldest)
    }
  }
  const produce = async (key: string, make: () => Promise<string>) => {
    const known = await shared?.get(key)
    onLookUp(known === undefined ? 'miss' : 'hit')
    const answer = known ?? (await make())
    keep(key, answer, now() + keptSeconds * 1000)
    if (known === undefined) await shared?.set(key, answer, keptSeconds)
    return answer
  }
  return {
    answer: async (key, make) => {
      const entry = kept.get(key)
      if (entry !== undefined && entry.until > now()) {
        kept.delete(key)
        kept.set(key, entry)
        onLookUp('hit')
        return entry.answer
      }
      const begun = making.get(key)
      if (begun !== undefined) {
        onLookUp('hit')
        return begun
      }
      const made = produce(key, make).finally(() => making.delete(key))
      making.set(key, made)
      return made
    },
  }
}
