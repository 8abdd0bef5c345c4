import type { z } from 'zod'
import { ApiError } from '../../api/http/api-error.ts'

/**
 * A request body in the shape it must have.
 * @throws ApiError BAD_REQUEST that names the places which are wrong, never what stands there
 */
export function readBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  // Only members of the schema have a place: what nobody agreed on is reported at the whole, and not repeated.
  const places = result.error.issues.map(({ path }) => `/${path.map(String).join('/')}`)
  throw new ApiError('BAD_REQUEST', { message: `Malformed: ${[...new Set(places)].join(', ')}` })
}
