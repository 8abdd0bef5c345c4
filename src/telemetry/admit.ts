import type { Telemetry } from '../plan/telemetry.ts'
import type { Value, Values } from './listed.ts'
import type { Refuse } from './refusals.ts'

/** Gives back what of these may leave, and counts the rest. A value that is not as declared leaves as `other`. */
export type Admit = (given: Values<string>) => Record<string, Value>

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const forms = {
  /** Digits in a text are no figure: they may be a telephone number. */
  figure: (value: Value) => typeof value !== 'string' || uuid.test(value),
  code: (value: Value) => typeof value === 'string' && isCode(value),
  name: (value: Value) => typeof value === 'string' && isName(value),
} as const

/** A code as programs have them, or the class of an error. */
export function isCode(text: string): boolean {
  return /^[A-Z0-9][A-Z0-9_]{1,39}$/.test(text) || /^[A-Z][A-Za-z0-9]{0,34}Error$/.test(text)
}

/** A name of our own: small letters, digits, hyphens and underscores. */
export function isName(text: string): boolean {
  return /^[a-z][a-z0-9_-]{0,39}$/.test(text)
}

/**
 * Makes the gate for the fields of a log or the attributes of a span.
 * @param names those that the list allows
 */
export function admission(
  { labels, values }: Pick<Telemetry, 'labels' | 'values'>,
  names: readonly string[],
  kind: 'field' | 'attribute',
  refuse: Refuse,
): Admit {
  const checks = new Map<string, (value: Value) => boolean>()
  for (const name of names) {
    const form = values[name] ?? labels[name] ?? 'figure'
    if (typeof form === 'string') checks.set(name, forms[form])
    else {
      const allowed = new Set(form)
      // A status of a request is a number, and the plan writes values as texts.
      checks.set(name, (value) => value === 'other' || allowed.has(typeof value === 'string' ? value : String(value)))
    }
  }
  return (given) => {
    const admitted: Record<string, Value> = {}
    for (const name in given) {
      const value = given[name]
      if (value === undefined) continue
      const allows = checks.get(name)
      if (allows === undefined) refuse(kind, 'other')
      else if (isValue(value) && allows(value)) admitted[name] = value
      else {
        refuse('value', name)
        admitted[name] = 'other'
      }
    }
    return admitted
  }
}

/** The compiler holds callers to it; what came through a hole in the types is refused like the rest. */
function isValue(value: unknown): value is Value {
  return (
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  )
}
