import { registerHooks } from 'node:module'

/**
 * Changes the text of one module of the service before it is run.
 * @param ending of its address
 * @throws Error when the part is not there: a mutant that changes nothing would prove nothing.
 */
export function rewriteSource(ending: string, part: string, by: string): void {
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context)
      if (!url.endsWith(ending)) return loaded
      const source = String(loaded.source)
      if (!source.includes(part)) throw new Error('The mutation changes nothing')
      return { ...loaded, source: source.replace(part, () => by) }
    },
  })
}
