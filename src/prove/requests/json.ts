import { z } from 'zod'
import type { Json } from '../exercise.ts'

export type { Json } from '../exercise.ts'

export const jsonValue: z.ZodType<Json> = z.json()

/** The value that a text holds; undefined when it is no JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    return jsonValue.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** Every member of a document with its name; elements of an array have the name of the array. */
export function* namedValues(value: Json, name = ''): Generator<{ name: string; value: string | number }> {
  if (typeof value === 'string' || typeof value === 'number') yield { name, value }
  else if (Array.isArray(value)) for (const element of value) yield* namedValues(element, name)
  else if (value !== null && typeof value === 'object')
    for (const [key, member] of Object.entries(value)) yield* namedValues(member, key)
}
