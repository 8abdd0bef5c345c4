import type { Store } from '../stores/store.ts'

/** A store in memory whose writes can be made to end the process that makes them, for tests that try every one. */
export interface MemoryStore extends Store {
  readonly objects: Map<string, Uint8Array>
  /** Puts and deletes so far. */
  operations(): number
}

/** What a killed process leaves: nothing after the operation it died at. */
export class Killed extends Error {}

/**
 * @param options.dieAt number of the put or delete after which everything ends.
 * @param options.refuse keys the store will not let go.
 */
export function memoryStore(
  objects: Map<string, Uint8Array>,
  options: { dieAt?: number; refuse?: (key: string) => Error | undefined } = {},
): MemoryStore {
  let count = 0
  let dead = false
  const change = (effect: () => void) => {
    if (dead) throw new Killed()
    const last = count++ === options.dieAt
    dead = last
    effect()
    if (last) throw new Killed()
  }
  return {
    place: 'memory',
    objects,
    operations: () => count,
    put: async (key, content, { ifAbsent }) => {
      const parts: Uint8Array[] = []
      for await (const part of content) parts.push(Buffer.from(part))
      if (ifAbsent && objects.has(key)) return { outcome: 'exists', size: 0 }
      const whole = Buffer.concat(parts)
      change(() => objects.set(key, whole))
      return { outcome: 'stored', size: whole.length }
    },
    get: async (key) => {
      const found = objects.get(key)
      return (
        found &&
        (async function* () {
          yield found
        })()
      )
    },
    stat: async (key) => {
      const found = objects.get(key)
      return found && { key, size: found.length }
    },
    list: async function* (prefix) {
      for (const key of [...objects.keys()].filter((each) => each.startsWith(prefix)).sort()) {
        const found = objects.get(key)
        if (found) yield { key, size: found.length }
      }
    },
    delete: async (key) => {
      const refusal = options.refuse?.(key)
      if (refusal) throw refusal
      change(() => objects.delete(key))
    },
  }
}
