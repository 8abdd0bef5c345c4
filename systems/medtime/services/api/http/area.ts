import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Identity } from '../identity/token.ts'
import { ApiError } from './api-error.ts'
import type { RouteDescription } from './route.ts'

/** One part of the API: what it offers, and how it is served. */
export interface Area {
  /** Every route it registers, and no other; a test holds that. */
  routes: Readonly<Record<string, RouteDescription>>
  /** @param server a scope of its own: hooks and parsers added here concern this area alone. */
  register(server: FastifyInstance, gate: Gate): void
}

/** Who is let in. */
export interface Gate {
  /** For `onRequest` of every route that needs a token; `identityOf` then tells whose it is. */
  authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void>
  /**
   * The same for what is asked most: does not wait until the request is counted. Whoever uses it waits for `admitted` before
   * anything is changed or answered; an error is answered after that in any case.
   */
  authenticateAhead(request: FastifyRequest, reply: FastifyReply): Promise<void>
}

/**
 * Resolves when the request was counted.
 * @throws ApiError RATE_LIMITED; UNAUTHENTICATED when no token was checked
 */
export async function admitted({ admission }: FastifyRequest): Promise<void> {
  if (admission === null) throw new ApiError('UNAUTHENTICATED')
  await admission
}

/** Whose request it is. @throws ApiError UNAUTHENTICATED when no token was checked. */
export function identityOf({ identity }: FastifyRequest): Identity {
  if (identity === null) throw new ApiError('UNAUTHENTICATED')
  return identity
}
