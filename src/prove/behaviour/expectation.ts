import type { Expectation, Json } from '../exercise.ts'
import type { Answer } from './exchange.ts'
import { pointerTo } from './json-pointer.ts'
import { fillJson, fillPattern, fillText, type Values } from './template.ts'

/**
 * Every way an answer differs from what was expected, in the order status, headers, JSON, text; empty when it matches. The
 * texts name places and what was expected, and of what was found only what cannot hold a secret: its type, its length,
 * numbers, booleans and codes in capitals.
 *
 * @throws CaseFault when the expectation itself is wrong.
 */
export function mismatches(expected: Expectation, answer: Answer, values: Values): string[] {
  const found: string[] = []
  if (answer.status !== expected.status) {
    const code = codeOf(answer.json)
    found.push(`status: expected ${expected.status}, found ${answer.status}${code === undefined ? '' : ` ${code}`}`)
  }
  for (const [name, header] of Object.entries(expected.headers ?? {})) {
    found.push(...differences(header, answer.headers.get(name) ?? undefined, `header ${name}`, values))
  }
  if (expected.json !== undefined) {
    if (answer.json === undefined) found.push('body: expected JSON, found none')
    else found.push(...differences(expected.json, answer.json, '', values))
  }
  for (const part of expected.text?.has ?? []) {
    if (!contains(answer.text, part, values)) found.push(`text: expected to hold ${show(part)}, which it does not`)
  }
  for (const part of expected.text?.lacks ?? []) {
    if (contains(answer.text, part, values)) found.push(`text: expected not to hold ${show(part)}, which it does`)
  }
  return found
}

function differences(expected: Json, found: Json | undefined, at: string, values: Values): string[] {
  if (typeof expected === 'string') return stringDifference(expected, found, at, values)
  if (found === undefined) return [`${place(at)}: expected ${describeExpected(expected)}, found nothing`]
  if (Array.isArray(expected)) {
    if (!Array.isArray(found)) return [`${place(at)}: expected a list, found ${describe(found)}`]
    const lengths =
      expected.length === found.length
        ? []
        : [`${place(at)}: expected ${count(expected.length)}, found ${count(found.length)}`]
    const common = expected.slice(0, found.length)
    return [
      ...lengths,
      ...common.flatMap((element, index) => differences(element, found[index], pointerTo(at, index), values)),
    ]
  }
  if (expected !== null && typeof expected === 'object') {
    if (found === null || typeof found !== 'object' || Array.isArray(found))
      return [`${place(at)}: expected an object, found ${describe(found)}`]
    return Object.entries(expected).flatMap(([key, member]) =>
      differences(member, Object.hasOwn(found, key) ? found[key] : undefined, pointerTo(at, key), values),
    )
  }
  return expected === found ? [] : [`${place(at)}: expected ${describeExpected(expected)}, found ${describe(found)}`]
}

function stringDifference(expected: string, found: Json | undefined, at: string, values: Values): string[] {
  const wrong = (wanted: string) => [`${place(at)}: expected ${wanted}, found ${describe(found)}`]
  if (expected === 'absent:') return found === undefined ? [] : wrong('nothing')
  if (expected.startsWith('any:')) {
    const type = expected.slice('any:'.length)
    return found !== undefined && typeName(found) === type ? [] : wrong(`a value of type ${type}`)
  }
  if (expected.startsWith('re:')) {
    const pattern = fillPattern(expected.slice('re:'.length), values)
    return typeof found === 'string' && pattern.test(found) ? [] : wrong(`text like /${shorten(expected.slice(3))}/`)
  }
  if (expected.startsWith('not:')) {
    const other = fillJson(expected.slice('not:'.length), values)
    return found !== undefined && !equal(other, found) ? [] : wrong(`anything but ${shorten(expected.slice(4))}`)
  }
  return found !== undefined && equal(fillJson(expected, values), found) ? [] : wrong(show(expected))
}

function contains(text: string, part: string, values: Values): boolean {
  return part.startsWith('re:')
    ? fillPattern(part.slice('re:'.length), values).test(text)
    : text.includes(fillText(part, values))
}

function equal(a: Json, b: Json): boolean {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((element, i) => equal(element, b[i] ?? null))
    )
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key] ?? null, b[key] ?? null))
  )
}

function typeName(value: Json): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function describeExpected(expected: Json): string {
  if (typeof expected === 'string') return show(expected)
  if (Array.isArray(expected)) return count(expected.length)
  return expected !== null && typeof expected === 'object' ? 'an object' : String(expected)
}

/** What was found, told without telling it. */
function describe(found: Json | undefined): string {
  if (found === undefined) return 'nothing'
  if (typeof found === 'string') return isCode(found) ? found : `text of ${found.length} characters`
  if (Array.isArray(found)) return count(found.length)
  return found !== null && typeof found === 'object' ? 'an object' : String(found)
}

function codeOf(json: Json | undefined): string | undefined {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return undefined
  const error = json['error']
  if (error === null || typeof error !== 'object' || Array.isArray(error)) return undefined
  const code = error['code']
  return typeof code === 'string' && isCode(code) ? code : undefined
}

function isCode(text: string): boolean {
  return /^[A-Z][A-Z_]{1,39}$/.test(text)
}

function count(elements: number): string {
  return elements === 1 ? 'a list of 1 element' : `a list of ${elements} elements`
}

function place(at: string): string {
  return at === '' ? 'body' : at
}

function show(text: string): string {
  return JSON.stringify(shorten(text))
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 50)}... (${text.length} characters)`
}
