import type { z } from 'zod'
import { nearest } from './nearest.ts'
import { type Field, namesAt } from './plan-fields.ts'

/** A step into a plan: `['alerts', 'api_error_rate_high', 'for']`. */
export type PlanPath = readonly (string | number)[]

/** Something wrong with the shape of a plan. */
export interface PlanProblem {
  path: PlanPath
  message: string
  /** What to write instead. */
  fix: string
  /** Whether the name of the entry is wrong or what it holds. */
  part: 'key' | 'value'
}

/** Tells the issues of zod in the words of the plan. */
export function planProblems(issues: readonly z.core.$ZodIssue[], language: () => Field): PlanProblem[] {
  return issues.flatMap((issue) => tell(issue, [], language))
}

function tell(issue: z.core.$ZodIssue, prefix: PlanPath, language: () => Field): PlanProblem[] {
  const path = [...prefix, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))]
  const value = (message: string, fix: string): PlanProblem[] => [{ path, message, fix, part: 'value' }]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const known = namesAt(language(), path)
        const close = nearest(key, known)
        const fix = close ? `Did you mean "${close}"?` : `Remove it, or use one of: ${known.join(', ')}.`
        return { path: [...path, key], message: `"${key}" is not known here.`, fix, part: 'key' }
      })
    case 'invalid_key': {
      const why = issue.issues[0]?.message ?? 'it is not a name'
      return [{ path, message: `"${path.at(-1)}" cannot be a name here.`, fix: `Rename it: ${why}.`, part: 'key' }]
    }
    case 'invalid_union':
      return (
        tellUnion(issue.errors, path, language) ??
        value(sentence(issue.message), 'Use one of the forms of docs/plan.md.')
      )
    case 'invalid_value': {
      const values = issue.values.map(String)
      const close = typeof issue.input === 'string' ? nearest(issue.input, values) : undefined
      if (issue.input === undefined) return value('This entry is missing.', `Write one of: ${values.join(', ')}.`)
      return value(
        `${JSON.stringify(issue.input)} is not one of the values known here.`,
        close ? `Did you mean "${close}"?` : `Use one of: ${values.join(', ')}.`,
      )
    }
    case 'invalid_type': {
      const name = path.at(-1)
      if (issue.input === undefined) {
        return value(`"${name ?? 'plan'}" is missing.`, `Write ${name ?? 'it'} as ${article(issue.expected)}.`)
      }
      return value(
        `This is ${kindOf(issue.input)} where ${article(issue.expected)} belongs.`,
        `Write ${article(issue.expected)}.`,
      )
    }
    case 'invalid_format':
      return value(`${JSON.stringify(issue.input)} does not read as it must.`, `It must be so: ${issue.message}.`)
    case 'custom': {
      const name = path.at(-1)
      // A unit says what it wants when there is nothing.
      if (issue.input === undefined) return value(`"${name ?? 'plan'}" is missing.`, `Write ${issue.message}.`)
      return value(sentence(issue.message), 'Correct the value; docs/plan.md says what it may be.')
    }
    default:
      return value(sentence(issue.message), 'Correct the value; docs/plan.md says what it may be.')
  }
}

/** The variant that complains least is the one its writer had in mind; when several refuse the value outright, all count. */
function tellUnion(
  variants: readonly (readonly z.core.$ZodIssue[])[],
  path: PlanPath,
  language: () => Field,
): PlanProblem[] | undefined {
  const outright = variants.flatMap((issues) =>
    issues.filter(({ path: at, code }) => at.length === 0 && code !== 'unrecognized_keys'),
  )
  const inside = variants.filter((issues) => !issues.some((issue) => outright.includes(issue)))
  const closest = inside.toSorted((a, b) => weight(a) - weight(b))[0]
  if (closest) return closest.flatMap((issue) => tell(issue, path, language))
  const told = outright.flatMap((issue) => tell(issue, path, language))
  // A value of the right kind says more about what was meant than one of the wrong kind.
  const specific = told.filter((_, index) => outright[index]?.code !== 'invalid_type')
  const shown = specific.length > 0 ? specific : told
  const first = shown[0]
  if (!first) return undefined
  return [
    {
      ...first,
      message:
        shown.length === 1
          ? first.message
          : (shown.find(({ message }) => message.includes(' is not a '))?.message ?? first.message),
      fix: [...new Set(shown.map(({ fix }) => fix))].join(' Or: '),
    },
  ]
}

/** A member that is missing weighs more than one that is merely wrong: `{ http, evry }` was meant to be an HTTP probe. */
function weight(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce(
    (sum, issue) =>
      sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1) + (issue.input === undefined ? 0.5 : 0),
    0,
  )
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return article(Array.isArray(value) ? 'array' : typeof value)
}

function article(kind: string): string {
  switch (kind) {
    case 'array':
      return 'a list'
    case 'object':
    case 'record':
      return 'an object'
    case 'string':
      return 'text'
    case 'boolean':
      return 'true or false'
    case 'int':
      return 'a whole number'
    default:
      return `a ${kind}`
  }
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
