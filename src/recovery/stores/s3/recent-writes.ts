import type { Clock } from '../../../clock.ts'
import type { StoredEntry } from '../store.ts'

const rememberedMs = 60_000
const mostRemembered = 4_096

/**
 * What this process wrote and removed lately, laid over listings: some services show a change only a little later. Where memory
 * and listing differ the object itself is asked for, since another writer may have been there meanwhile.
 */
export interface RecentWrites {
  wrote(key: string): void
  removed(key: string): void
  /** A listing with what memory and the objects themselves say. */
  over(listing: AsyncIterable<StoredEntry>, prefix: string): AsyncIterable<StoredEntry>
}

export function recentWrites(clock: Clock, look: (key: string) => Promise<StoredEntry | undefined>): RecentWrites {
  const memory = new Map<string, { present: boolean; at: number }>()
  const note = (key: string, present: boolean) => {
    memory.delete(key)
    memory.set(key, { present, at: clock.now() })
    for (const [oldest, { at }] of memory) {
      if (memory.size <= mostRemembered && clock.now() - at <= rememberedMs) break
      memory.delete(oldest)
    }
  }
  async function* over(listing: AsyncIterable<StoredEntry>, prefix: string): AsyncIterable<StoredEntry> {
    const since = clock.now() - rememberedMs
    const remembered = [...memory].filter(([key, { at }]) => key.startsWith(prefix) && at >= since)
    const gone = new Set(remembered.filter(([, { present }]) => !present).map(([key]) => key))
    const awaited = remembered
      .filter(([, { present }]) => present)
      .map(([key]) => key)
      .sort()
    let next = 0
    for await (const entry of listing) {
      for (let key = awaited[next]; key !== undefined && key <= entry.key; key = awaited[++next]) {
        const missing = key < entry.key ? await look(key) : undefined
        if (missing) yield missing
      }
      if (!gone.has(entry.key) || (await look(entry.key))) yield entry
    }
    for (const key of awaited.slice(next)) {
      const missing = await look(key)
      if (missing) yield missing
    }
  }
  return { wrote: (key) => note(key, true), removed: (key) => note(key, false), over }
}
