import type { Random } from '../../random.ts'
import { type Json, namedValues } from './json.ts'

const keptOfAName = 48
const longestKept = 20_000

/**
 * Values that the system knows, by the name they had: taken from its answers and from requests it accepted. Only with them do
 * requests get past what a generator cannot invent, such as a cursor or the id of something that was written before.
 */
export interface Dictionary {
  learn(value: Json, name?: string): void
  /** Something that had this name; undefined when nothing had. */
  recall(name: string, random: Random): string | number | undefined
}

export function createDictionary(): Dictionary {
  const known = new Map<string, (string | number)[]>()
  return {
    learn: (document, under) => {
      for (const { name, value } of namedValues(document, under)) {
        if (name === '' || (typeof value === 'string' && value.length > longestKept)) continue
        const values = known.get(name) ?? []
        if (values.includes(value)) continue
        values.push(value)
        if (values.length > keptOfAName) values.shift()
        known.set(name, values)
      }
    },
    recall: (name, random) => {
      const values = known.get(name)
      return values === undefined ? undefined : random.pick(values)
    },
  }
}
