import type { Json } from '../exercise.ts'

/** What earlier exchanges of a case saved, by name. */
export type Values = ReadonlyMap<string, Json>

/** A mistake in the case itself: it says nothing about the system, so it must not count against it. */
export class CaseFault extends Error {}

const placeholder = /\{\{(\w+)(?:([+-]\d+)(ms|s|m|h|d))?\}\}/g
const syntaxCharacter = /[\\^$.*+?()[\]{}|/]/g
const whole = /^\{\{(\w+)\}\}$/
const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/**
 * Replaces `{{name}}` by the saved value; `{{name+90s}}` shifts a saved RFC 3339 moment (units ms, s, m, h, d).
 *
 * @param encode applied to each value before it is put in, such as percent-encoding in a path.
 * @throws CaseFault when nothing was saved under a name, or what was saved cannot be put into text.
 */
export function fillText(text: string, values: Values, encode: (value: string) => string = (value) => value): string {
  return text.replace(placeholder, (_, name: string, amount: string | undefined, unit: string | undefined) => {
    const value = textOf(name, savedAs(name, values))
    return encode(amount === undefined ? value : shift(name, value, Number(amount) * factorOf(unit)))
  })
}

/** As `fillText` for every string inside. A string that is one placeholder takes the value as it is: numbers stay numbers. */
export function fillJson(json: Json, values: Values): Json {
  if (typeof json === 'string') {
    const name = whole.exec(json)?.[1]
    return name === undefined ? fillText(json, values) : savedAs(name, values)
  }
  if (Array.isArray(json)) return json.map((element) => fillJson(element, values))
  if (json === null || typeof json !== 'object') return json
  return Object.fromEntries(Object.entries(json).map(([key, member]) => [key, fillJson(member, values)]))
}

/** A pattern with `{{name}}` replaced by the saved value taken literally. */
export function fillPattern(pattern: string, values: Values): RegExp {
  const source = fillText(pattern, values, (value) => value.replace(syntaxCharacter, '\\$&'))
  try {
    return new RegExp(source, 'u')
  } catch {
    throw new CaseFault(`"re:${pattern}" is not a regular expression`)
  }
}

function savedAs(name: string, values: Values): Json {
  const value = values.get(name)
  if (value === undefined) throw new CaseFault(`it uses {{${name}}}, which no earlier exchange saves`)
  return value
}

function textOf(name: string, value: Json): string {
  if (value !== null && typeof value === 'object') throw new CaseFault(`{{${name}}} holds no plain value`)
  return String(value)
}

function shift(name: string, moment: string, byMs: number): string {
  const at = Date.parse(moment)
  if (Number.isNaN(at)) throw new CaseFault(`{{${name}}} holds no moment that could be shifted`)
  return new Date(at + byMs).toISOString()
}

function factorOf(unit: string | undefined): number {
  if (unit === 'ms' || unit === 's' || unit === 'm' || unit === 'h' || unit === 'd') return unitMs[unit]
  throw new CaseFault('a shift needs a unit: ms, s, m, h or d')
}
