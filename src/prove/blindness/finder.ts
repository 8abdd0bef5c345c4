import type { Planted, Sowing } from './planted.ts'
import { digestsOf, spellingsOf } from './spellings.ts'
import { unpacked } from './unpacked.ts'

/** A planted value that turned up, and how it was written. */
export interface Hit {
  /** Undefined where only the sign is left of it, so that its path cannot be told. */
  planted: Planted | undefined
  how: string
}

export interface Finder {
  /** What of the planted is in these bytes, compressed streams among them opened. */
  find(bytes: Buffer): Promise<Hit[]>
}

/** Bytes around a sign in which the rest of the mark stands, however it is written. */
const neighbourhood = 160
const deepest = 3

/**
 * Looks for everything planted at once: for the sign that all marks share, and around it for the mark; besides for digests of marks and texts.
 */
export function createFinder({ sign, planted }: Sowing): Finder {
  const signs = [...spellingsOf(sign)].map(([written, how]) => ({ needle: Buffer.from(written, 'latin1'), how }))
  const byHow = planted.map((each) => ({ each, spellings: [...spellingsOf(each.mark)] }))
  const digests = new Map<string, Hit>()
  for (const each of planted) {
    for (const text of [each.mark, each.text])
      for (const [digest, how] of digestsOf(text)) digests.set(digest, { planted: each, how })
  }

  const whose = (around: string, how: string): Planted | undefined =>
    byHow.find(({ spellings }) => spellings.some(([written, as]) => as === how && around.includes(written)))?.each

  const search = async (bytes: Buffer, depth: number, found: Map<string, Hit>): Promise<void> => {
    const keep = (hit: Hit) => found.set(`${hit.planted?.mark ?? ''} ${hit.how}`, hit)
    for (const { needle, how } of signs) {
      for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + needle.length)) {
        const around = bytes.toString('latin1', Math.max(0, at - neighbourhood), at + needle.length + neighbourhood)
        keep({ planted: whose(around, how), how })
      }
    }
    for (const [token] of bytes.toString('latin1').matchAll(/[0-9a-zA-Z+/_-]{22,128}/g)) {
      const hit = digests.get(token) ?? digests.get(token.toLowerCase())
      if (hit !== undefined) keep(hit)
    }
    if (depth < deepest) for await (const inner of unpacked(bytes)) await search(inner, depth + 1, found)
  }

  return {
    find: async (bytes) => {
      const found = new Map<string, Hit>()
      await search(bytes, 0, found)
      return [...found.values()]
    },
  }
}
