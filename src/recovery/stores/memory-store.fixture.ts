import { checkKey, type Store } from './store.ts'

/** A store in memory. `before` runs ahead of each operation, so that a test decides in which order those of several users happen. */
export function memoryStore(before: (what: string) => Promise<unknown> = async () => undefined) {
  const objects = new Map<string, Buffer>()
  const store: Store = {
    place: 'memory',
    put: async (key, content, { ifAbsent }) => {
      checkKey(key)
      const parts: Uint8Array[] = []
      for await (const part of content) parts.push(Buffer.from(part))
      await before(`put ${key}`)
      if (ifAbsent && objects.has(key)) return { outcome: 'exists', size: 0 }
      const bytes = Buffer.concat(parts)
      objects.set(key, bytes)
      return { outcome: 'stored', size: bytes.length }
    },
    get: async (key) => {
      await before(`get ${key}`)
      const bytes = objects.get(key)
      if (!bytes) return undefined
      return (async function* () {
        yield bytes
      })()
    },
    stat: async (key) => {
      await before(`stat ${key}`)
      const bytes = objects.get(key)
      return bytes && { key, size: bytes.length }
    },
    list: async function* (prefix) {
      await before(`list ${prefix}`)
      const entries = [...objects].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1))
      for (const [key, bytes] of entries) yield { key, size: bytes.length }
    },
    delete: async (key) => {
      await before(`delete ${key}`)
      objects.delete(key)
    },
  }
  return { store, objects }
}
