import type { z } from 'zod'
import { ApiError } from './api-error.ts'

/**
 * What a request carries, in the shape it must have.
 * @throws ApiError BAD_REQUEST that names the places which are wrong, never what stands there
 */
export function readInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = parseHostile(schema, input)
  if (result?.success) return result.data
  // Only members of the schema have a place: what nobody agreed on is reported at the whole, and not repeated.
  const places = result?.error.issues.map(({ path }) => path.map(String).join('/') || '/') ?? ['/']
  throw new ApiError('BAD_REQUEST', { message: `Malformed: ${[...new Set(places)].join(', ')}` })
}

/**
 * zod compares the length of whatever has one, text or not, with the least and the most. Where somebody sent an object for a length that cannot
 * be compared, that throws: undefined, which is no more valid than what it finds wrong itself.
 */
export function parseHostile<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): z.ZodSafeParseResult<z.output<Schema>> | undefined {
  try {
    return schema.safeParse(input)
  } catch (thrown) {
    if (thrown instanceof TypeError) return undefined
    throw thrown
  }
}
