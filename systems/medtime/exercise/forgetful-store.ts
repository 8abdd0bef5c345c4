import type { LocalStore } from '../client/local-store.ts'

/** A store that loses what was sent and not answered: what a client without an outbox would do. */
export interface ForgetfulStore extends LocalStore {
  /** A `fetch` by which the store learns that an answer was lost. */
  forgettingFetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch
}

/** A break for the self-test: the first push of a device whose answer is lost takes its writes with it. */
export function forgetfulStore(store: LocalStore): ForgetfulStore {
  const forget = async () => {
    const records = await store.all()
    await store.save(records.map((record) => ({ ...record, pending: record.pending.filter(({ sent }) => !sent) })))
  }
  return {
    ...store,
    forgettingFetch: (fetch) => async (input, init) => {
      try {
        return await fetch(input, init)
      } catch (error) {
        if (init?.method === 'POST') await forget()
        throw error
      }
    },
  }
}
