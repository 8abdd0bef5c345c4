import type { Store } from '../../recovery/stores/store.ts'

/**
 * A store as seen from a machine that can be lost: once severed, whatever still runs there reaches it no more. What was under
 * way at that moment arrives or does not, as on a real network.
 */
export function severable(store: Store): { store: Store; sever(): void } {
  let lost = false
  const reach = async <T>(work: () => Promise<T>): Promise<T> => {
    if (lost) throw new Error('the machine is gone')
    return work()
  }
  return {
    store: {
      ...store,
      put: (key, content, options) => reach(() => store.put(key, content, options)),
      get: (key) => reach(() => store.get(key)),
      stat: (key) => reach(() => store.stat(key)),
      delete: (key) => reach(() => store.delete(key)),
    },
    sever: () => {
      lost = true
    },
  }
}
