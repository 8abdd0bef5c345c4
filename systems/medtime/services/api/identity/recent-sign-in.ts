import { ApiError } from '../http/api-error.ts'
import type { Identity } from './token.ts'

/** Seconds after a sign-in in which a person may do what cannot be undone. */
export const recentSeconds = 300

/**
 * Holds what cannot be undone to people who were there a moment ago: an access token lives an hour, a session thirty days, and either may
 * be stolen.
 * @param nowMs milliseconds since the epoch
 * @throws ApiError RECENT_SIGN_IN_NEEDED, also for a token that does not say when its person signed in
 */
export function requireRecentSignIn({ authenticatedAt }: Identity, nowMs: number): void {
  if (authenticatedAt !== undefined && nowMs - authenticatedAt <= recentSeconds * 1_000) return
  throw new ApiError('RECENT_SIGN_IN_NEEDED', { details: { max_age: recentSeconds } })
}
