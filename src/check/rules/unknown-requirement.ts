import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'
import { entriesOf } from '../walk.ts'

export const unknownRequirement: Rule = {
  id: 'unknown-requirement',
  severity: 'error',
  summary: 'Every requirement that an entry cites stands in the requirements file.',
  check: ({ plan, requirements }) => {
    const known = new Set(requirements.map(({ id }) => id))
    return [...entriesOf(plan)].flatMap(({ path, value }) => {
      const cited: unknown = path.length > 0 ? Reflect.get(value, 'requirements') : undefined
      if (!Array.isArray(cited)) return []
      return cited.flatMap((id: unknown, index) =>
        typeof id !== 'string' || known.has(id)
          ? []
          : [
              {
                path: [...path, 'requirements', index],
                message: `There is no requirement "${id}".`,
                fix: suggest(id, known, `Add it to ${plan.requirements}.`).replace(/ Known are:.*$/, ''),
              },
            ],
      )
    })
  },
}
