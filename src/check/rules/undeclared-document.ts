import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'
import { entriesOf } from '../walk.ts'

export const undeclaredDocument: Rule = {
  id: 'undeclared-document',
  severity: 'error',
  summary: 'Every source begins with the code of a document that the plan declares.',
  check: ({ plan }) => {
    const codes = Object.keys(plan.documents)
    return [...entriesOf(plan)].flatMap(({ path, value }) => {
      const source: unknown = path.length > 0 ? Reflect.get(value, 'source') : undefined
      if (typeof source !== 'string') return []
      return parts(source).flatMap((part) => {
        if (part.startsWith('§') || codes.some((code) => part === code || part.startsWith(`${code} `))) return []
        const code = part.split(' §')[0] ?? part
        return [
          {
            path: [...path, 'source'],
            message: `The source cites "${code}", which documents does not declare.`,
            fix: suggest(code, codes, 'Add its code and title to documents.'),
          },
        ]
      })
    })
  },
}

/** `'A §1, §2; B §3'` cites three places; those that begin with § are of the document before them. */
function parts(source: string): string[] {
  return source.split(/[,;]\s*/).filter((part) => part !== '')
}
