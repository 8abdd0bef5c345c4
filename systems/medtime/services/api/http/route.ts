import type { z } from 'zod'
import type { RequestClass } from '../limits/rate-limits.ts'
import { errorAnswer } from './error-answer.ts'

/** A route as people and programs are told of it; requests are checked against the very same schemas. */
export interface RouteDescription {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** As OpenAPI writes it: `/catalog/{id}`. */
  path: string
  summary: string
  /** Whether a token is needed. */
  authenticated: boolean
  /** The limit of its own that it counts to beside those of everything; 'none' for what is not counted at all. */
  limit?: RequestClass | 'none'
  /** Members of the path. */
  params?: z.ZodObject
  query?: z.ZodObject
  /** The schema of a JSON body, or the media type of another. */
  body?: z.ZodType | string
  /** By status: the schema of a JSON answer, or the media type of another. */
  answers: Readonly<Record<number, z.ZodType | string>>
}

/** What any route that asks the database may answer. */
export const failures = {
  401: errorAnswer,
  429: errorAnswer,
  500: errorAnswer,
  503: errorAnswer,
  504: errorAnswer,
} as const

/** The path as the server's router writes it. */
export function routerPath({ path }: Pick<RouteDescription, 'path'>): string {
  return path.replace(/\{(\w+)\}/g, ':$1')
}
