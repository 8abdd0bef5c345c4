import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import { ApiError } from '../http/api-error.ts'
import { parseHostile } from '../http/read-input.ts'
import { hasRepeatedMembers } from './repeated-members.ts'
import { type SessionEnds, sessionName } from './session-ends.ts'

const claims = z.object({
  sub: z.guid().transform((id) => id.toLowerCase()),
  email: z.string().min(1),
  tier: z.enum(['free', 'pro', 'perfect']),
  sid: z.guid().optional(),
  exp: z.number(),
  auth_time: z.number().optional(),
})

/** Whose request it is. Of a token nothing else is kept. */
export interface Identity {
  user: string
  tier: 'free' | 'pro' | 'perfect'
  /** The session the token belongs to; tokens of the development issuer have none. */
  session?: string
  /** When the person signed in, milliseconds since the epoch; undefined where the token does not say. */
  authenticatedAt?: number
}

export interface TokenChecker {
  /**
   * @throws ApiError UNAUTHENTICATED for anything but a valid token, UNAVAILABLE when the keys cannot be fetched.
   */
  check(token: string): Promise<Identity>
}

export interface TokenOptions {
  keys: JWTVerifyGetKey
  issuer: string
  audience: string
  now: () => number
  /** Whether the session of a token is still going on; asked whenever its signature is checked. */
  lives?: (user: string, session: string) => Promise<boolean>
  /** Whence sessions are heard to end: their tokens are then remembered no more. */
  ends?: SessionEnds
}

/** Ours have a fifth of it. Nothing longer is looked at. */
const longestToken = 4_096

/** Tokens checked lately that are remembered. */
const remembered = 10_000
/**
 * However long a token is valid, its signature and its session are checked again after this: a key that was withdrawn is
 * noticed, and a session that ended while nothing could be heard of it.
 */
const rememberMs = 60_000

/** The keys of issuers, fetched when needed and when an unknown one is named, but not more than once in 5 s. */
export function issuerKeys(issuerUrls: readonly string[]): JWTVerifyGetKey {
  const sets = issuerUrls.map(remoteKeys)
  return async (header, token) => {
    let failure: unknown = new errors.JWKSNoMatchingKey()
    for (const set of sets) {
      try {
        return await set(header, token)
      } catch (thrown) {
        // The next may know the key. That one could not be asked is told only where none knows it.
        if (isFaultOfToken(failure)) failure = thrown
      }
    }
    throw failure
  }
}

function remoteKeys(issuerUrl: string): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(`${issuerUrl}/.well-known/jwks.json`), {
    cooldownDuration: 5_000,
    cacheMaxAge: 600_000,
    timeoutDuration: 5_000,
  })
}

/** Checks signature (RS256 alone), issuer, audience, expiry and claims. */
export function createTokenChecker(options: TokenOptions): TokenChecker {
  const known = new Map<string, { identity: Identity; until: number; name: string | undefined }>()
  let heard = 0
  options.ends?.onSessionEnd((ended) => {
    heard++
    for (const [token, { name }] of known) if (name === ended) known.delete(token)
  })
  options.ends?.onGap(() => {
    heard++
    known.clear()
  })
  return {
    check: async (token) => {
      if (token.length > longestToken) throw new ApiError('UNAUTHENTICATED')
      const now = options.now()
      const found = known.get(token)
      if (found !== undefined && found.until > now) return found.identity
      known.delete(token)
      const heardBefore = heard
      const { identity, expires } = await verify(token, options)
      // It may have been this session that ended while it was asked for: the next request asks again.
      if (heard !== heardBefore) return identity
      // A Map keeps the order of insertion: the first is the oldest.
      if (known.size >= remembered) for (const oldest of known.keys()) if (known.delete(oldest)) break
      const name = identity.session === undefined ? undefined : sessionName(identity.session)
      known.set(token, { identity, until: Math.min(expires, now + rememberMs), name })
      return identity
    },
  }
}

async function verify(token: string, options: TokenOptions): Promise<{ identity: Identity; expires: number }> {
  try {
    const { payload } = await jwtVerify(token, options.keys, {
      algorithms: ['RS256'],
      issuer: options.issuer,
      audience: options.audience,
      requiredClaims: ['exp', 'sub', 'email', 'tier'],
      currentDate: new Date(options.now()),
    })
    const parts = token.split('.', 2).map((part) => Buffer.from(part, 'base64url').toString('utf8'))
    if (parts.some(hasRepeatedMembers)) throw new ApiError('UNAUTHENTICATED')
    const result = parseHostile(claims, payload)
    if (!result?.success) throw new ApiError('UNAUTHENTICATED')
    const { sub, tier, sid, exp, auth_time } = result.data
    const identity: Identity = { user: sub, tier }
    if (auth_time !== undefined) identity.authenticatedAt = auth_time * 1000
    if (sid === undefined) return { identity, expires: exp * 1000 }
    if ((await options.lives?.(sub, sid)) === false) throw new ApiError('UNAUTHENTICATED')
    return { identity: { ...identity, session: sid }, expires: exp * 1000 }
  } catch (thrown) {
    if (thrown instanceof ApiError) throw thrown
    throw new ApiError(isFaultOfToken(thrown) ? 'UNAUTHENTICATED' : 'UNAVAILABLE')
  }
}

/** Whether the token is to blame, and not the way to the keys. */
function isFaultOfToken(thrown: unknown): boolean {
  if (!(thrown instanceof errors.JOSEError)) return false
  return !(thrown instanceof errors.JWKSTimeout) && !isFetchFailure(thrown)
}

/** jose reports an answer other than 200, or one that is not JSON, by its base class. */
function isFetchFailure(thrown: Error): boolean {
  return thrown.constructor === errors.JOSEError || thrown instanceof errors.JWKSInvalid
}
