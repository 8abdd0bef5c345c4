import fc from 'fast-check'
import type { Random } from '../../random.ts'
import type { Dictionary } from './dictionary.ts'
import type { Json, JsonSchema } from './json-schema.ts'
import type { Marker } from './marker.ts'

export interface Making {
  random: Random
  marker: Marker
  dictionary: Dictionary
}

const deepest = 8

/**
 * A value that a schema allows: values the system knows under the member's name, boundaries, and texts that carry the marker
 * wherever the pattern lets them.
 * @param name of the member or parameter it is for
 */
export function wellFormed(schema: JsonSchema, name: string, making: Making, depth = 0): Json {
  const { random } = making
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined && schema.enum.length > 0) return random.pick(schema.enum)
  const choices = schema.oneOf ?? schema.anyOf
  if (choices !== undefined && choices.length > 0) return wellFormed(random.pick(choices), name, making, depth)
  if (schema.allOf !== undefined)
    return Object.assign({}, ...schema.allOf.map((part) => made(part, name, making, depth)))
  if (schema.examples !== undefined && schema.examples.length > 0 && random.next() < 0.3)
    return random.pick(schema.examples)
  return made(schema, name, making, depth)
}

function made(schema: JsonSchema, name: string, making: Making, depth: number): Json {
  const { random } = making
  const type =
    typeof schema.type === 'string' ? schema.type : schema.type === undefined ? guess(schema) : random.pick(schema.type)
  switch (type) {
    case 'object':
      return object(schema, making, depth)
    case 'array': {
      const { minItems = 0, maxItems = 5, prefixItems = [] } = schema
      const first = prefixItems.map((each) => wellFormed(each, name, making, depth + 1))
      const { items } = schema
      if (items === false) return first
      // A list at its limit is rare: it makes each of its elements.
      const most = random.next() < 0.03 ? maxItems : Math.min(maxItems, minItems + 2)
      const length = depth > deepest ? minItems : minItems + random.int(Math.max(1, most - minItems + 1))
      const element = typeof items === 'object' ? items : {}
      return [...first, ...Array.from({ length }, () => wellFormed(element, name, making, depth + 1))]
    }
    case 'integer':
    case 'number':
      return number(schema, name, making, type === 'integer')
    case 'boolean':
      return random.next() < 0.5
    case 'null':
      return null
    default:
      return text(schema, name, making)
  }
}

function guess(schema: JsonSchema): string {
  return schema.properties !== undefined ? 'object' : schema.items !== undefined ? 'array' : 'string'
}

function object({ properties = {}, required = [] }: JsonSchema, making: Making, depth: number): Json {
  const members = Object.entries(properties).filter(
    ([name]) => required.includes(name) || (depth < deepest && making.random.next() < 0.5),
  )
  return Object.fromEntries(members.map(([name, schema]) => [name, wellFormed(schema, name, making, depth + 1)]))
}

function number(schema: JsonSchema, name: string, { random, dictionary }: Making, whole: boolean): number {
  const { minimum = -1_000_000, maximum = 1_000_000 } = schema
  const known = random.next() < 0.4 ? dictionary.recall(name, random) : undefined
  if (typeof known === 'number' && known >= minimum && known <= maximum) return known
  const within = minimum + random.next() * Math.min(maximum - minimum, 1_000)
  const value = random.pick([minimum, maximum, Math.min(maximum, minimum + 1), within])
  return whole ? Math.floor(value) : value
}

function text(schema: JsonSchema, name: string, { random, marker, dictionary }: Making): string {
  const { pattern, minLength = 0, maxLength = 1_000 } = schema
  const shape = pattern === undefined ? undefined : shapeOf(pattern)
  const fits = (value: string) =>
    value.length >= minLength && value.length <= maxLength && (shape === undefined || shape.expression.test(value))
  if (random.next() < 0.5) {
    const known = dictionary.recall(name, random)
    if (known !== undefined && fits(String(known))) return String(known)
  }
  const marked = markedTexts(marker, random, minLength, schema.format === 'email' || /mail/i.test(name)).filter(fits)
  if (marked.length > 0 && random.next() < 0.8) return random.pick(marked)
  if (shape === undefined) return marker.text.padEnd(minLength, 'x').slice(0, maxLength)
  const [value = ''] = fc.sample(shape.texts, { seed: random.int(2 ** 31), numRuns: 1 })
  return fits(value) ? value : (marked[0] ?? value)
}

/** Texts that carry the marker, in the forms that patterns ask for most. */
function markedTexts({ text: mark, digits }: Marker, random: Random, minLength: number, email: boolean): string[] {
  const more = Buffer.from(random.bytes(4)).toString('hex')
  if (email) return [`${mark}.${more}@example.test`, `${mark}@example.test`]
  const bytes = [32, 24, 48, 96, Math.ceil((minLength * 3) / 4)].map((size) =>
    Buffer.concat([Buffer.from(mark), random.bytes(96)]).subarray(0, Math.max(mark.length, size)),
  )
  return [
    mark,
    `${mark}${more}`,
    `${mark}${more}`.padEnd(Math.max(minLength, 40), 'z'),
    `${mark}${more.slice(0, 4)}`,
    `+1${digits}`,
    ...bytes.map((each) => each.toString('base64')),
    ...bytes.map((each) => each.toString('base64url')),
  ]
}

interface Shape {
  expression: RegExp
  texts: fc.Arbitrary<string>
}

const shapes = new Map<string, Shape>()

function shapeOf(pattern: string): Shape {
  const known = shapes.get(pattern)
  if (known !== undefined) return known
  const expression = new RegExp(pattern, 'u')
  const shape = { expression, texts: fc.stringMatching(new RegExp(pattern)) }
  shapes.set(pattern, shape)
  return shape
}
