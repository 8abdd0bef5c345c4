import type { TokenSource } from './token-source.ts'

/** Searches the catalog as an app does. @param address of the api, asked anew before every request. */
export function rawCatalog(options: { address: () => string; tokens: TokenSource }): (typed: string) => Promise<void> {
  const send = async (typed: string) =>
    fetch(new URL(`/catalog/search?q=${encodeURIComponent(typed)}`, options.address()), {
      headers: { authorization: `Bearer ${await options.tokens.current()}` },
      signal: AbortSignal.timeout(15_000),
    })
  return async (typed) => {
    let response = await send(typed)
    if (response.status === 401) {
      options.tokens.renew()
      response = await send(typed)
    }
    const text = await response.text()
    if (!response.ok || !text.includes('"results":[{')) throw new Error(`a search was answered ${response.status}`)
  }
}
